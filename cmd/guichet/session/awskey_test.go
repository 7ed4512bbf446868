package session

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A key is given again for the same caller and agreements while enough of its time is left, and
// lies where others cannot read it.
func TestAWSKeysAreKept(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	t.Setenv("GUICHET_HOME", home)
	t.Setenv("GUICHET_TOKEN", "ada")
	made, lasts := 0, 15*time.Minute
	get := func(said ...string) string {
		t.Helper()
		k, err := KeptAWSKey(said, func() (AWSKey, error) {
			made++
			return AWSKey{1, fmt.Sprint("lease-", made), "secret", time.Now().Add(lasts)}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return k.AccessKeyID
	}
	for _, c := range []struct {
		what, said, want string
	}{{"the first", "a", "lease-1"}, {"again", "a", "lease-1"}, {"another agreement", "b", "lease-2"}, {"the first one's", "a", "lease-1"}} {
		if got := get(c.said); got != c.want {
			t.Errorf("%s: %s, want %s", c.what, got, c.want)
		}
	}
	t.Setenv("GUICHET_TOKEN", "bob")
	if got := get("a"); got != "lease-3" {
		t.Errorf("another caller got %s", got)
	}
	lasts = awsKeyLeft - time.Second
	get("c")
	if got := get("c"); got != "lease-5" {
		t.Errorf("a key that is nearly over was given again: %s", got)
	}
	all, err := filepath.Glob(filepath.Join(home, "s3-*.json"))
	if err != nil || len(all) != 4 {
		t.Fatalf("%v are kept: %v", all, err)
	}
	for _, path := range all {
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", path, st.Mode(), err)
		}
		err := os.WriteFile(path, []byte("{"), 0o600) // a torn one
		if err != nil {
			t.Fatal(err)
		}
	}
	lasts = time.Hour
	if got := get("a"); got != "lease-6" {
		t.Errorf("of a torn file came %s", got)
	}
	gone := errors.New("the gateway is away")
	if _, err := KeptAWSKey([]string{"d"}, func() (AWSKey, error) { return AWSKey{}, gone }); !errors.Is(err, gone) {
		t.Errorf("want the gateway's error, got %v", err)
	}
}
