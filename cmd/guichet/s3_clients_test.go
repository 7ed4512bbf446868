package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"guichet/schemas"
)

// s3Python is an interpreter that has the S3 clients of Python.
func s3Python(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, ".cache", "s3", "bin", "python"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, "-c", "import boto3, s3fs, awscli, pyarrow, polars, duckdb").CombinedOutput()
	if err != nil {
		lacking(t, "not tested here: the S3 clients are not installed into .cache/s3; make setup does it: %s", out)
	}
	return path
}

// s3Gateway is a gateway with an S3 face, and agreements on tables there, the first of
// which has three shards.
func s3Gateway(t *testing.T, args ...string) (g *testGateway, agreements []schemas.AgreementID) {
	t.Helper()
	g = newGatewayWith(t, append([]string{"--s3-listen", ":0"}, args...)...)
	g.populate()
	shard := func(n int) []byte {
		var text strings.Builder
		text.WriteString("n,word\n")
		for i := range 40_000 {
			fmt.Fprintf(&text, "%d,word %d\n", n*40_000+i, i%97)
		}
		return []byte(text.String())
	}
	return g, g.granted(g.publishedAs(wheat("In three shards"), shard(0), shard(1), shard(2)), g.publishedAs(wheat("Another"), shard(3)))
}

// shardFiles lays every shard of an agreement, as the HTTP door gives it, under its S3 key into
// a folder.
func (g *testGateway) shardFiles(id schemas.AgreementID, shards int) (dir string) {
	g.t.Helper()
	dir = g.t.TempDir()
	l := g.lease(id)
	for n := range shards {
		r, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/api/v1/agreements/%s/%d.arrow", g.base, id, n), nil)
		if err != nil {
			g.t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+l.Token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			g.t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		path := filepath.Join(dir, fmt.Sprintf("v1/data/all/%05d.arrow", n))
		if err == nil {
			err = os.MkdirAll(filepath.Dir(path), 0o700)
		}
		if err == nil {
			err = os.WriteFile(path, b, 0o600)
		}
		if err != nil || resp.StatusCode != http.StatusOK {
			g.t.Fatalf("shard %d: %s %v", n, resp.Status, err)
		}
	}
	return dir
}

// TestS3Clients reads an agreement with the S3 clients that people have, each as it comes.
func TestS3Clients(t *testing.T) {
	t.Parallel()
	g, ids := s3Gateway(t)
	files := g.shardFiles(ids[0], 3)
	key := g.lease(ids[0]).S3
	if key == nil || key.Endpoint != g.s3 {
		t.Fatalf("the lease's S3 key is %+v; the face is at %s", key, g.s3)
	}
	for _, what := range []string{"boto3", "s3fs", "pyarrow", "polars", "awscli", "duckdb", "rclone"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			python := s3Python(t)
			if _, err := exec.LookPath(what); what == "rclone" && err != nil {
				lacking(t, "not tested here: there is no rclone; it is Debian's package rclone")
			}
			cmd := exec.Command(python, "testdata/s3_clients.py", what)
			cmd.Env = append(os.Environ(), "ENDPOINT="+key.Endpoint, "BUCKET="+string(ids[0]), "FOREIGN="+string(ids[1]), "FILES="+files,
				"AWS_ACCESS_KEY_ID="+key.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+key.SecretAccessKey, "AWS_DEFAULT_REGION=us-east-1",
				"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true")
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "ok "+what) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	t.Run("minio-go", func(t *testing.T) {
		ctx, bucket := t.Context(), string(ids[0])
		for region, name := range map[string]string{"": "v1/data/all/00000.arrow", "eu-somewhere-1": "v1/data/all/00002.arrow"} {
			c, err := minio.New(strings.TrimPrefix(g.s3, "http://"),
				&minio.Options{Creds: credentials.NewStaticV4(key.AccessKeyID, key.SecretAccessKey, ""), Region: region})
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(filepath.Join(files, name))
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for o := range c.ListObjects(ctx, bucket, minio.ListObjectsOptions{Recursive: true}) {
				if o.Err != nil {
					t.Fatal(o.Err)
				}
				names = append(names, o.Key)
				if o.Key == name && o.Size != int64(len(want)) {
					t.Errorf("%s is listed with %d bytes, and has %d", name, o.Size, len(want))
				}
			}
			if len(names) != 3 {
				t.Errorf("listed are %v", names)
			}
			o, err := c.GetObject(ctx, bucket, name, minio.GetObjectOptions{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(o)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d of %d bytes: %v", name, len(got), len(want), err)
			}
			part := make([]byte, 100)
			_, err = o.ReadAt(part, 1000)
			if err != nil || !bytes.Equal(part, want[1000:1100]) {
				t.Errorf("%s: another part: %v", name, err)
			}
			_, err = c.PutObject(ctx, bucket, name, strings.NewReader("x"), 1, minio.PutObjectOptions{})
			if minio.ToErrorResponse(err).Code != "MethodNotAllowed" {
				t.Errorf("a write: %v", err)
			}
		}
	})
}

// TestS3KeysRenewThemselves: boto3 gets its key by guichet lease --aws, and does not make a lease
// for each of its requests.
func TestS3KeysRenewThemselves(t *testing.T) {
	t.Parallel()
	python := s3Python(t)
	g, ids := s3Gateway(t)
	dir := t.TempDir()
	token := written(t, dir, "token", bearer(t, g, "trainer"))
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, filepath.Join(dir, "guichet"))
	}
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(dir, "home")
	config := written(t, dir, "aws", fmt.Sprintf("[default]\nregion = us-east-1\nendpoint_url = %s\ncredential_process = %s --server %s --token %s lease --aws %s\n",
		g.s3, filepath.Join(dir, "guichet"), g.base, token, ids[0]))
	cmd := exec.Command(python, "-c", `import boto3, sys
s3 = boto3.client("s3")
for _ in range(5): s3.head_object(Bucket=sys.argv[1], Key="v1/data/all/00000.arrow")`, string(ids[0]))
	cmd.Env = append(os.Environ(), "AWS_CONFIG_FILE="+config, "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "GUICHET_HOME="+home)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if n := strings.Count(g.log.String(), `"route":"/api/v1/leases"`); n != 1 {
		t.Errorf("five requests made %d leases", n)
	}
}

// What the page for S3 tools says works as it stands there.
func TestS3Page(t *testing.T) {
	t.Parallel()
	python := s3Python(t)
	g := newGatewayWith(t, "--s3-listen", ":0")
	g.populate()
	rows := []byte("field,yield,note\n" + strings.Repeat("a,7.5,x\nb,8.25,y\n", 75))
	id := g.granted(g.publishedAs(wheat("Winter wheat by field"), rows, rows))[0]
	known := map[string]string{"PYTHON": python, "AGREEMENT": string(id), "S3": g.s3, "TOKEN": bearer(t, g, "trainer")}
	want := []string{"", "", "2 150 300", "300 300\n300"}
	g.page(t, "s3.md", "trainer", known, func(i int, out string) {
		if i >= len(want) || !strings.Contains(out, want[i]) {
			t.Errorf("block %d says nothing of %q:\n%s", i+1, want, out)
		}
	})
}
