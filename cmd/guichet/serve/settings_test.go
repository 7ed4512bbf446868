package serve

import (
	"path/filepath"
	"strings"
	"testing"

	"guichet/schemas"
)

// Settings that name a mail server which cannot be one are refused before the start.
func TestMailSettings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for text, want := range map[string]string{
		"mail: {server: smtp.example, from: guichet@factory.example}":                                         "mail.server",
		"mail: {server: \"smtp.example:25\", from: nobody}":                                                   "mail.from",
		"mail: {server: \"smtp.example:25\", from: guichet@factory.example, plain: true}":                     "mail.plain",
		"mail: {server: \"smtp.example:25\", from: guichet@factory.example, user: u, password_file: gone}":    "gone",
		"mail: {server: \"smtp.example:587\", from: guichet@factory.example, user: u, password_file: secret}": "",
	} {
		write(t, dir, "secret", "s")
		c, err := ReadConfig(write(t, dir, "guichet.yaml", text+"\n"))
		if err == nil {
			err = c.checkFiles()
		}
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error()+pointer(err), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Files that the settings name are looked for before the gateway starts.
func TestSettingsNameFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := write(t, dir, "key", "k")
	for at, c := range map[string]Config{
		"credentials.local.secret_key_file": {Credentials: map[string]Credential{"local": {AccessKeyFile: key, SecretKeyFile: filepath.Join(dir, "gone")}}},
		"credentials.local.access_key_file": {Credentials: map[string]Credential{"local": {SecretKeyFile: key}}},
		"tls_key":                           {TLSCert: key, TLSKey: filepath.Join(dir, "gone")},
	} {
		err := c.checkFiles()
		if schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), at) && !strings.Contains(pointer(err), at) {
			t.Errorf("%s: %v", at, err)
		}
	}
	good := Config{Credentials: map[string]Credential{"local": {AccessKeyFile: key, SecretKeyFile: key}}}
	if err := good.checkFiles(); err != nil {
		t.Error(err)
	}
}
