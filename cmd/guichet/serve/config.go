package serve

import (
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"guichet/cmd/guichet/files"
	"guichet/connectors/direct"
	"guichet/connectors/notify"
	"guichet/connectors/trust"
	"guichet/gateway"
	"guichet/gateway/api/contacts"
	"guichet/gateway/auth"
	"guichet/schemas"
)

// Config is every setting of a gateway. The zero value of each is safe; unknown keys
// are refused. Secrets stand in files of their own. They are printed in this order.
type Config struct {
	Data          string                `yaml:"data" env:"GUICHET_DATA"`                     // folder of the gateway's state
	Listen        string                `yaml:"listen" env:"GUICHET_LISTEN"`                 // HTTP
	FlightListen  string                `yaml:"flight_listen" env:"GUICHET_FLIGHT_LISTEN"`   // Arrow Flight
	S3Listen      string                `yaml:"s3_listen" env:"GUICHET_S3_LISTEN"`           // S3 face; nowhere when empty
	S3URL         string                `yaml:"s3_url" env:"GUICHET_S3_URL"`                 // where jobs reach the S3 face; s3_listen when empty
	Database      string                `yaml:"database" env:"GUICHET_DATABASE"`             // sqlite:FILE or postgres://…; SQLite in data when empty
	TLSCert       string                `yaml:"tls_cert" env:"GUICHET_TLS_CERT"`             // PEM file, read again when it changes
	TLSKey        string                `yaml:"tls_key" env:"GUICHET_TLS_KEY"`               // PEM file
	PublicURL     string                `yaml:"public_url" env:"GUICHET_PUBLIC_URL"`         // where the world reaches it, for documents that leave the site
	Origin        string                `yaml:"origin" env:"GUICHET_ORIGIN"`                 // name of the record's log, fixed by guichet init
	Replica       string                `yaml:"replica" env:"GUICHET_REPLICA"`               // name of this process; the host's when empty
	Memory        string                `yaml:"memory" env:"GUICHET_MEMORY"`                 // what all streams hold together, like 512MiB or 4GiB
	MetricsListen string                `yaml:"metrics_listen" env:"GUICHET_METRICS_LISTEN"` // figures without a token; nowhere when empty
	StoreIdle     string                `yaml:"store_idle" env:"GUICHET_STORE_IDLE"`         // what a store may take for its next bytes, like 10s
	ClientIdle    string                `yaml:"client_idle" env:"GUICHET_CLIENT_IDLE"`       // what a stream's client may take for its next bytes, like 1m
	SessionIdle   string                `yaml:"session_idle" env:"GUICHET_SESSION_IDLE"`     // after which a browser's session ends that was not used, like 1h
	SessionLife   string                `yaml:"session_life" env:"GUICHET_SESSION_LIFE"`     // after which it ends at all, like 12h
	Direct        string                `yaml:"direct" env:"GUICHET_DIRECT"`                 // how long URLs of S3 are good that jobs get, at most 60s, or off
	CA            string                `yaml:"ca" env:"GUICHET_CA"`                         // PEM file of certificate authorities that are believed beside the system's
	Spaces        string                `yaml:"spaces" env:"GUICHET_SPACES"`                 // folder of data spaces beside those that every gateway has
	BehindProxy   []string              `yaml:"behind_proxy"`                                // networks of TLS proxies in front
	Networks      []string              `yaml:"harvest_networks"`                            // that catalogues are read from although they are not public
	FileNetworks  []string              `yaml:"file_networks"`                               // that files are taken in from although they are not public
	Folders       []string              `yaml:"harvest_folders"`                             // of this machine, of which catalogues may be read
	HarvestKeys   []HarvestKey          `yaml:"harvest_credentials"`                         // that such catalogues want
	Limits        gateway.Limits        `yaml:"limits"`                                      // of what callers may take
	Issuers       []auth.Issuer         `yaml:"issuers"`                                     // who may sign tokens, and for whom
	Contacts      contacts.Helpers      `yaml:"contacts"`                                    // who helps, with the site and with data spaces
	Credentials   map[string]Credential `yaml:"credentials"`                                 // of stores, by the name that a store refers to
	Mail          *Mail                 `yaml:"mail"`                                        // server by which organisations are told; none when left out
	Version       string                `yaml:"-"`                                           // of the program, for who asks
	bound         bound                 // of the process's memory
	origins       map[string]string
}

// Credential is where a store's keys lie: files with mode 0600.
type Credential struct {
	AccessKeyFile string `yaml:"access_key_file"`
	SecretKeyFile string `yaml:"secret_key_file"`
}

// HarvestKey is what catalogues want that lie under an address.
type HarvestKey struct {
	For  string `yaml:"for"`  // https://connector.example/protocol
	File string `yaml:"file"` // the Authorization header, as it is sent; mode 0600
}

// Mail is the server that takes the gateway's mail.
type Mail struct {
	Server       string `yaml:"server"`        // host:port
	From         string `yaml:"from"`          // sender
	User         string `yaml:"user"`          // without signing in when empty
	PasswordFile string `yaml:"password_file"` // mode 0600
	Plain        bool   `yaml:"plain"`         // without TLS, on this machine only
}

// server is what the settings say, with its password.
func (m *Mail) server(roots *x509.CertPool) (*notify.MailServer, error) {
	s := &notify.MailServer{Server: m.Server, From: m.From, User: m.User, Plain: m.Plain, Roots: roots}
	if m.PasswordFile != "" {
		var err error
		s.Password, err = files.Secret(m.PasswordFile)
		if err != nil {
			return nil, err
		}
	}
	return s, s.Check()
}

// The addresses of doors.md.
const (
	DefaultListen       = "127.0.0.1:8480"
	DefaultFlightListen = "127.0.0.1:8481"
)

// leastMemory of streams is what some of them need at full speed.
const leastMemory = 64 << 20

// ReadConfig reads the file (none when path is "") and then the environment.
func ReadConfig(path string) (*Config, error) {
	c := &Config{origins: map[string]string{}, bound: thisSystem().memory()}
	if path != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			e := schemas.Errorf(schemas.Invalid, path, "the settings cannot be read: %w", err)
			e.Remedy = "guichet init makes a new gateway's folder with its settings"
			return nil, e
		}
		err = yaml.UnmarshalWithOptions(b, c, yaml.Strict())
		if err != nil {
			return nil, schemas.Errorf(schemas.Invalid, path, "the settings in %s have faults: %s", path, yaml.FormatError(err, false, true))
		}
		if c.Data == "" {
			c.Data = filepath.Dir(path)
		}
		c.Data = beside(path, c.Data)
		c.Spaces = beside(path, c.Spaces)
		for i, folder := range c.Folders {
			c.Folders[i] = beside(path, folder)
		}
		for name, k := range c.Credentials {
			c.Credentials[name] = Credential{beside(path, k.AccessKeyFile), beside(path, k.SecretKeyFile)}
		}
		if c.Mail != nil {
			c.Mail.PasswordFile = beside(path, c.Mail.PasswordFile)
		}
		for _, is := range c.Issuers {
			if is.Web != nil {
				is.Web.SecretFile = beside(path, is.Web.SecretFile)
			}
		}
		c.TLSCert, c.TLSKey, c.CA = beside(path, c.TLSCert), beside(path, c.TLSKey), beside(path, c.CA)
	}
	for _, s := range c.settings() {
		switch v, set := os.LookupEnv(s.env); {
		case s.env != "" && set && v != "":
			*s.value, c.origins[s.name] = v, "environment "+s.env
		case *s.value != "":
			c.origins[s.name] = "file " + path
		}
	}
	for _, d := range []struct {
		name  string
		value *string
		what  string
	}{{"listen", &c.Listen, DefaultListen}, {"flight_listen", &c.FlightListen, DefaultFlightListen}, {"memory", &c.Memory,
		c.bound.defaultMemory()}, {"store_idle", &c.StoreIdle, "10s"}, {"client_idle", &c.ClientIdle, "1m"},
		{"session_idle", &c.SessionIdle, "1h"}, {"session_life", &c.SessionLife, "12h"}, {"direct", &c.Direct, "off"}} {
		if *d.value == "" {
			*d.value, c.origins[d.name] = d.what, "default"
			if d.name == "memory" && c.bound.bytes > 0 {
				c.origins[d.name] = fmt.Sprintf("default: a quarter of %d MiB, by %s", c.bound.bytes>>20, c.bound.why)
			}
		}
	}
	return c, nil
}

// beside makes a path in a file relative to the file's folder.
func beside(file, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(file), path)
}

// setting is one that is a text, which the environment and a flag may give too.
type setting struct {
	name, env string
	value     *string
}

// settings are the fields of c that name a variable of the environment.
func (c *Config) settings() []setting {
	var out []setting
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		env, is := v.Type().Field(i).Tag.Lookup("env")
		if is {
			out = append(out, setting{v.Type().Field(i).Tag.Get("yaml"), env, v.Field(i).Addr().Interface().(*string)})
		}
	}
	return out
}

// Flag puts a flag above file and environment.
func (c *Config) Flag(name, value string) {
	if value == "" {
		return
	}
	for _, s := range c.settings() {
		if s.name == name {
			*s.value, c.origins[name] = value, "flag --"+strings.ReplaceAll(name, "_", "-")
		}
	}
}

// check says what is wrong before anything is opened.
func (c *Config) check() error {
	if c.Data == "" {
		return schemas.BadField("settings", "data", "say where the gateway keeps its state: --data DIR")
	}
	if len(c.Issuers) == 0 {
		return schemas.BadField("settings", "issuers", "no issuer is accepted, so nobody could sign in; guichet init writes the first one")
	}
	for i := range c.Issuers {
		err := c.Issuers[i].Check()
		if err != nil {
			return err
		}
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return schemas.BadField("settings", "tls_cert", "give both tls_cert and tls_key, or neither")
	}
	err := c.checkPublicURL()
	if err == nil {
		err = c.checkS3URL()
	}
	if err == nil {
		err = c.checkFiles()
	}
	if err != nil {
		return err
	}
	for name, list := range map[string][]string{
		"behind_proxy": c.BehindProxy, "harvest_networks": c.Networks, "file_networks": c.FileNetworks,
	} {
		for _, s := range list {
			_, err := netip.ParsePrefix(s)
			if err != nil {
				return schemas.BadField("settings", name, "%q is not a network; write it like 10.0.0.0/8", s)
			}
		}
	}
	err = c.Limits.Check()
	if err != nil {
		return err
	}
	_, err = c.memory()
	if err == nil {
		_, err = idle("store_idle", c.StoreIdle)
	}
	if err == nil {
		_, err = idle("client_idle", c.ClientIdle)
	}
	if err == nil {
		_, err = c.direct()
	}
	if err == nil {
		_, _, err = c.sessions()
	}
	if err != nil {
		return err
	}
	for name, addr := range map[string]string{
		"listen": c.Listen, "flight_listen": c.FlightListen, "s3_listen": c.S3Listen, "metrics_listen": c.MetricsListen,
	} {
		if addr == "" {
			continue // s3_listen and metrics_listen have no default
		}
		err := c.plainText(name, addr)
		if err != nil {
			return err
		}
	}
	return nil
}

// checkFiles looks whether the files that the settings name are there and can be read:
// the first publication would find out otherwise.
func (c *Config) checkFiles() error {
	for _, name := range slices.Sorted(maps.Keys(c.Credentials)) {
		k := c.Credentials[name]
		for key, path := range map[string]string{"access_key_file": k.AccessKeyFile, "secret_key_file": k.SecretKeyFile} {
			_, err := files.Secret(path)
			if err == nil {
				continue
			}
			at := "credentials." + name + "." + key
			if path == "" {
				return schemas.BadField("settings", at, "a credential names two files: access_key_file and secret_key_file")
			}
			return unreadable(at, err)
		}
	}
	_, err := c.harvestKeys()
	if err == nil {
		err = c.checkFolders()
	}
	if err != nil {
		return err
	}
	for _, is := range c.Issuers {
		if is.Web == nil || is.Web.SecretFile == "" {
			continue
		}
		_, err := files.Secret(is.Web.SecretFile)
		if err != nil {
			return unreadable("issuers.web.secret_file", err)
		}
	}
	for key, path := range map[string]string{"tls_cert": c.TLSCert, "tls_key": c.TLSKey} {
		if path == "" {
			continue
		}
		_, err := os.Stat(path)
		if err != nil {
			return schemas.BadField("settings", key, "the file cannot be read: %v", err)
		}
	}
	roots, err := trust.Roots(c.CA)
	if err == nil && c.Mail != nil {
		_, err = c.Mail.server(roots)
	}
	return err
}

// unreadable says at which key the settings name a file that cannot be read.
func unreadable(at string, err error) error {
	e, ours := errors.AsType[*schemas.Error](err)
	if !ours {
		return err
	}
	bad := schemas.BadField("settings", at, "%s", e.Message)
	bad.Remedy = e.Remedy
	return bad
}

// checkPublicURL checks the address that leaves the site in documents: what is added to
// it begins with a slash.
func (c *Config) checkPublicURL() error {
	if c.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(c.PublicURL)
	if err == nil && !isASCII(u.Host) { // browsers name it otherwise, and would be told that the site is elsewhere
		return schemas.BadField("settings", "public_url", "%q: write the host as browsers send it, in letters of ASCII (xn--…)", c.PublicURL)
	}
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil ||
		strings.HasSuffix(u.Path, "/") {
		return schemas.BadField("settings", "public_url",
			"%q is not an address of a site; write it like https://guichet.example, without a slash at its end", c.PublicURL)
	}
	return nil
}

func isASCII(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return r > 127 }) }

// checkS3URL checks the address of the S3 face: S3 clients take none with a path.
func (c *Config) checkS3URL() error {
	if c.S3URL == "" {
		return nil
	}
	u, err := url.Parse(c.S3URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || *u != (url.URL{Scheme: u.Scheme, Host: u.Host}) {
		return schemas.BadField("settings", "s3_url",
			"%q is not an address of an S3 endpoint; write it like https://s3.guichet.example, without a path", c.S3URL)
	}
	if c.S3Listen == "" {
		return schemas.BadField("settings", "s3_url", "there is no S3 face: give s3_listen too, for instance 127.0.0.1:8482")
	}
	return nil
}

// memory gives the bytes that all streams hold together.
func (c *Config) memory() (int64, error) {
	number, unit := c.Memory, int64(1)
	for _, u := range []struct {
		suffix string
		bytes  int64
	}{{"MiB", 1 << 20}, {"GiB", 1 << 30}} {
		before, found := strings.CutSuffix(c.Memory, u.suffix)
		if found {
			number, unit = strings.TrimSpace(before), u.bytes
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/unit {
		return 0, schemas.BadField("settings", "memory", "%q is not a size; write it like 512MiB or 4GiB", c.Memory)
	}
	if n*unit < leastMemory {
		return 0, schemas.BadField("settings", "memory", "%s is too little for streams; give at least %dMiB", c.Memory, leastMemory>>20)
	}
	return n * unit, nil
}

// idle reads how long somebody may be silent.
func idle(name, said string) (time.Duration, error) {
	d, err := time.ParseDuration(said)
	if err != nil || d < 10*time.Millisecond || d > time.Hour {
		return 0, schemas.BadField("settings", name, "%q is not a time to wait; write it like 10s, at most 1h", said)
	}
	return d, nil
}

// direct is how long URLs of S3 are good that jobs get; 0: they get none.
func (c *Config) direct() (time.Duration, error) {
	if c.Direct == "off" {
		return 0, nil
	}
	d, err := time.ParseDuration(c.Direct)
	if err != nil || d < time.Second || d > direct.MaxLife || d%time.Second != 0 {
		return 0, schemas.BadField("settings", "direct", "%q is neither off nor how long URLs are good; write it like 60s, which is the most",
			c.Direct)
	}
	return d, nil
}

// plainText refuses to serve without TLS beyond loopback, unless a TLS proxy stands
// in front [decisions.md 29].
func (c *Config) plainText(name, addr string) error {
	host, _, err := net.SplitHostPort(listenOn(addr))
	if err != nil {
		return schemas.BadField("settings", name, "%q is not an address; write it like 127.0.0.1:8480", addr)
	}
	ip, err := netip.ParseAddr(host)
	loopback := host == "localhost" || err == nil && ip.IsLoopback()
	if !loopback && c.TLSCert == "" && len(c.BehindProxy) == 0 {
		return schemas.BadField(
			"settings",
			name,
			"%s is reached from other machines, and without TLS everybody on the way could read tokens and data; give tls_cert and tls_key, or "+
				"behind_proxy",
			addr,
		)
	}
	return nil
}

// listenOn reads ":0" and ":8480" as 127.0.0.1 [decisions.md 33i].
func listenOn(addr string) string {
	if strings.HasPrefix(addr, ":") {
		return "127.0.0.1" + addr
	}
	return addr
}
