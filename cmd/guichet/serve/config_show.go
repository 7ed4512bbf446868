package serve

import (
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"guichet/cmd/guichet/terminal"
)

// Show prints the settings, with explain also where each comes from, passwords masked, and
// says what is wrong with them.
func (c *Config) Show(t *terminal.Terminal, explain bool) error {
	for _, d := range []struct {
		name  string
		value *string
		force string
	}{{"database", &c.Database, "sqlite:" + filepath.Join(c.Data, "guichet.db")}, {"replica", &c.Replica, c.replica()}} {
		if *d.value == "" && c.Data != "" {
			*d.value, c.origins[d.name] = d.force, "default"
		}
	}
	if t.JSON {
		out := map[string]map[string]string{}
		for _, s := range c.settings() {
			out[s.name] = map[string]string{"value": mask(*s.value), "from": c.origins[s.name]}
		}
		for _, x := range c.inFile() {
			if have := out[x[0]]; have != nil {
				x[1] = have["value"] + "; " + x[1]
			}
			out[x[0]] = map[string]string{"value": x[1], "from": x[2]}
		}
		return t.Print(out)
	}
	for _, s := range c.settings() {
		if explain {
			fmt.Fprintf(t.Out, "%-14s %-40s %s\n", s.name, mask(*s.value), c.origins[s.name])
			continue
		}
		fmt.Fprintf(t.Out, "%s: %s\n", s.name, mask(*s.value))
	}
	for _, x := range c.inFile() {
		if explain {
			fmt.Fprintf(t.Out, "%-14s %-40s %s\n", x[0], x[1], x[2])
			continue
		}
		fmt.Fprintf(t.Out, "%s: %s\n", x[0], x[1])
	}
	return c.check()
}

// inFile lists the settings that only the file has, in words, and where each comes from.
func (c *Config) inFile() (out [][3]string) {
	const file, otherwise = "file", "default"
	for _, network := range c.BehindProxy {
		out = append(out, [3]string{"behind_proxy", network, file})
	}
	for _, network := range c.Networks {
		out = append(out, [3]string{"harvest_networks", network, file})
	}
	for _, network := range c.FileNetworks {
		out = append(out, [3]string{"file_networks", network, file})
	}
	for _, folder := range c.Folders {
		out = append(out, [3]string{"harvest_folders", folder, file})
	}
	for _, k := range c.HarvestKeys {
		out = append(out, [3]string{"harvest_credentials", k.For + " from " + k.File, file})
	}
	said, filled := reflect.ValueOf(c.Limits), reflect.ValueOf(c.Limits.Filled())
	for i := range filled.NumField() {
		name, _, _ := strings.Cut(filled.Type().Field(i).Tag.Get("yaml"), ",")
		from := file
		if said.Field(i).IsZero() {
			from = otherwise
		}
		out = append(out, [3]string{"limits." + name, fmt.Sprint(filled.Field(i).Interface()), from})
	}
	if c.Contacts.Site != "" {
		out = append(out, [3]string{"contacts.site", c.Contacts.Site, file})
	}
	for _, id := range slices.Sorted(maps.Keys(c.Contacts.Spaces)) {
		out = append(out, [3]string{"contacts.spaces", string(id) + " " + c.Contacts.Spaces[id], file})
	}
	if c.Mail != nil {
		out = append(out, [3]string{"mail", c.Mail.Server + " as " + c.Mail.From, file})
	}
	for _, is := range c.Issuers {
		words := is.Issuer
		for _, x := range []struct {
			name   string
			values []string
		}{{"audiences", is.Audiences}, {"clients", is.Clients}, {"keys_from", is.KeysFrom}} {
			if len(x.values) > 0 {
				words += ", " + x.name + " " + strings.Join(x.values, " ")
			}
		}
		for _, p := range is.Participants {
			words += ", for " + string(p)
		}
		if is.Own {
			words += ", own"
		}
		if is.Name != "" {
			words += ", name " + is.Name
		}
		if is.Web != nil {
			words += ", browsers as " + is.Web.Client
		}
		if is.Lifetime != "" {
			words += ", lifetime " + is.Lifetime
		}
		out = append(out, [3]string{"issuer", words, file})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Credentials)) {
		out = append(out, [3]string{"credential " + name, "keys in " + c.Credentials[name].SecretKeyFile, file})
	}
	return out
}

// mask hides the password of a database address, before the @ or in the query.
func mask(s string) string {
	u, err := url.Parse(s)
	if scheme, _, is := strings.Cut(s, "://"); is && err != nil {
		return scheme + "://…" // whatever it is, it may hold a password
	}
	if err != nil || u.Scheme == "" || u.Opaque != "" {
		return passwords().ReplaceAllString(s, "${1}…")
	}
	masked := s
	if _, secret := u.User.Password(); secret {
		before, after, _ := strings.Cut(s, "://")
		user, host, _ := strings.Cut(after, "@")
		name, _, _ := strings.Cut(user, ":")
		masked = before + "://" + name + ":…@" + host
	}
	return passwords().ReplaceAllString(masked, "${1}…")
}

// passwords finds those that are named: in a query, or in a key-value address.
func passwords() *regexp.Regexp {
	return regexp.MustCompile(`(?i)((?:^|[?&\s])(?:ssl)?password=)[^&\s]*`)
}
