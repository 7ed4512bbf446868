package serve

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"guichet/cmd/guichet/files"
)

func TestMaskHidesPasswords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"user part", "postgres://guichet:hunter2@db.example/guichet", "postgres://guichet:…@db.example/guichet"},
		{"query", "postgres:///guichet?host=/run/pg&password=hunter2&user=x", "postgres:///guichet?host=/run/pg&password=…&user=x"},
		{"both", "postgres://a:hunter2@db/x?sslpassword=hunter2", "postgres://a:…@db/x?sslpassword=…"},
		{"key and value", "host=db password=hunter2 user=x", "host=db password=… user=x"},
		{"an @ in the password", "postgres://a:hunter2%40x@db/x", "postgres://a:…@db/x"},
		{"no address at all", "postgres://a:hunter2@db:port/x?password=hunter2", "postgres://…"},
		{"no password", "postgres://guichet@db.example/guichet", "postgres://guichet@db.example/guichet"},
		{"sqlite", "sqlite:/var/lib/guichet.db", "sqlite:/var/lib/guichet.db"},
		{"nothing", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := mask(c.in)
			if got != c.want {
				t.Errorf("mask(%q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
}

// A flag stands above the environment, the environment above the file, and paths in
// a file are beside it.
func TestConfigPrecedence(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "guichet.yaml")
	err := os.WriteFile(path, []byte("origin: file\nreplica: file\nlisten: 127.0.0.1:1\ntls_cert: cert.pem\ntls_key: /abs/key.pem\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GUICHET_REPLICA", "environment")
	t.Setenv("GUICHET_LISTEN", "127.0.0.1:2")
	c, err := ReadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	c.Flag("listen", "127.0.0.1:3")
	for _, x := range []struct{ name, got, want, origin string }{
		{"origin", c.Origin, "file", "file"}, {"replica", c.Replica, "environment", "environment"}, {"listen", c.Listen, "127.0.0.1:3", "flag"},
		{"flight_listen", c.FlightListen, DefaultFlightListen, "default"},
		{"tls_cert", c.TLSCert, filepath.Join(dir, "cert.pem"), "file"}, {"tls_key", c.TLSKey, "/abs/key.pem", "file"},
	} {
		if x.got != x.want || !strings.HasPrefix(c.origins[x.name], x.origin) {
			t.Errorf("%s is %q from %q, want %q from the %s", x.name, x.got, c.origins[x.name], x.want, x.origin)
		}
	}
	if c.Data != dir {
		t.Errorf("data is %q, want the file's folder %q", c.Data, dir)
	}
}

func TestMemorySetting(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]int64{"64MiB": 64 << 20, "512 MiB": 512 << 20, "4GiB": 4 << 30, "1073741824": 1 << 30,
		"": 0, "63MiB": 0, "1GB": 0, "-1GiB": 0, "much": 0, "99999999999GiB": 0} {
		got, err := (&Config{Memory: in}).memory()
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q is %d bytes, %v; want %d", in, got, err, want)
		}
	}
}

func TestDirectSetting(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]time.Duration{"off": 0, "60s": time.Minute, "1m": time.Minute, "1s": time.Second} {
		got, err := (&Config{Direct: in}).direct()
		if got != want || err != nil {
			t.Errorf("%q is %s, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "on", "61s", "0s", "-5s", "1500ms", "2h", "60"} {
		if got, err := (&Config{Direct: in}).direct(); err == nil {
			t.Errorf("%q is %s", in, got)
		}
	}
	c, err := ReadConfig("")
	if err != nil || c.Direct != "off" || c.origins["direct"] != "default" {
		t.Errorf("unsaid it is %q by %s, %v", c.Direct, c.origins["direct"], err)
	}
}

func TestPlainTextBeyondLoopbackIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		config Config
		addr   string
		ok     bool
	}{
		{"any port", Config{}, ":0", true},
		{"localhost", Config{}, "localhost:80", true},
		{"IPv6 loopback", Config{}, "[::1]:80", true},
		{"every address", Config{}, "0.0.0.0:80", false},
		{"every IPv6 address", Config{}, "[::]:80", false},
		{"a name", Config{}, "gateway.example:80", false},
		{"loopback in its name only", Config{}, "localhost.example:80", false},
		{"with TLS", Config{TLSCert: "c", TLSKey: "k"}, "0.0.0.0:80", true},
		{"behind a proxy", Config{BehindProxy: []string{"10.0.0.0/8"}}, "0.0.0.0:80", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := c.config.plainText("listen", c.addr)
			if (err == nil) != c.ok {
				t.Errorf("listening on %s: %v, want ok %t", c.addr, err, c.ok)
			}
		})
	}
}

// TestOwn: the catalogue of this site is known by the address that the world has of it, and by that at which it listens.
func TestOwn(t *testing.T) {
	t.Parallel()
	c := &Config{PublicURL: "https://guichet.example/data", Listen: ":8480"}
	for address, own := range map[string]bool{
		"https://guichet.example/data/api/v1/catalogue": true, "https://GUICHET.example:443/data/api/v1/catalogue/changes": true,
		"http://guichet.example/data/api/v1/catalogue": true, "https://guichet.example/api/v1/catalogue": false, "https://guichet.example/other.ttl": false,
		"https://guichet.example:8443/data/api/v1/catalogue": false, "https://other.example/data/api/v1/catalogue": false,
		"http://127.0.0.1:8480/api/v1/catalogue": true, "http://localhost:8480/api/v1/catalogue": true, "http://[::1]:8480/api/v1/catalogue": true,
		"http://localhost:8481/api/v1/catalogue": false, "http://10.0.0.1:8480/api/v1/catalogue": false, "file:///data/api/v1/catalogue": false, "": false,
	} {
		if got := c.own(address); got != own {
			t.Errorf("%s: %v", address, got)
		}
	}
}

// TestFolders: catalogues are read from folders that are there, and not from the gateway's own state.
func TestFolders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"data/inner", "shelf"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "data"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for name, ok := range map[string]bool{"shelf": true, "data": false, "data/inner": false, "": false, "link": false, "none": false, "../": false} {
		c := &Config{Data: filepath.Join(dir, "data"), Folders: []string{filepath.Join(dir, name)}}
		if err := c.checkFolders(); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestPublicURL(t *testing.T) {
	t.Parallel()
	for in, good := range map[string]bool{
		"": true, "https://guichet.example": true, "http://127.0.0.1:8480": true, "https://site.example/data": true,
		"https://xn--donnes-fva.example": true, "https://données.example": false,
		"guichet.example": false, "https://guichet.example/": false, "ftp://guichet.example": false, "https://u:p@guichet.example": false, "https://guichet.example?x=1": false,
	} {
		err := (&Config{PublicURL: in}).checkPublicURL()
		if (err == nil) != good {
			t.Errorf("public_url %q: got %v", in, err)
		}
	}
}

// S3 clients take no endpoint with a path.
func TestS3URL(t *testing.T) {
	t.Parallel()
	for in, good := range map[string]bool{
		"": true, "https://s3.guichet.example": true, "http://127.0.0.1:8482": true, "https://guichet.example/s3": false, "https://guichet.example/": false,
		"s3.guichet.example": false, "https://u:p@guichet.example": false, "https://guichet.example?x=1": false,
	} {
		err := (&Config{S3URL: in, S3Listen: "127.0.0.1:8482"}).checkS3URL()
		if (err == nil) != good {
			t.Errorf("s3_url %q: got %v", in, err)
		}
		err = (&Config{S3URL: in}).checkS3URL()
		if (err == nil) != (in == "") {
			t.Errorf("s3_url %q without s3_listen: got %v", in, err)
		}
	}
}

// A secret that others on the machine may read is none, and the way out is said.
func TestSecretsOfOthers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	err := os.WriteFile(file, []byte("s3cret\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	for mode, good := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: true, 0o644: false, 0o660: false, 0o604: false, 0o666: false} {
		err = os.Chmod(file, mode)
		if err != nil {
			t.Fatal(err)
		}
		s, err := files.Secret(file)
		if good != (err == nil) || good && s != "s3cret" || !good && !strings.Contains(remedy(err), "chmod 600") {
			t.Errorf("mode %04o: %q, %v", mode, s, err)
		}
	}
}
