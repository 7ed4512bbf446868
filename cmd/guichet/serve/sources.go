package serve

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"guichet/catalog/harvest"
	"guichet/catalog/profile"
	"guichet/cmd/guichet/files"
	"guichet/connectors/fetch"
	"guichet/connectors/folder"
	"guichet/schemas"
	"guichet/schemas/spaces"
)

// spaces reads the data spaces, those embedded and those of the operator's folder, and makes
// their profiles ready. Errors: Invalid, with the file.
func (c *Config) spaces() (spaces.Set, *profile.Checker, error) {
	var more []spaces.Folder
	if c.Spaces != "" {
		more = append(more, spaces.Folder{Name: c.Spaces, FS: os.DirFS(c.Spaces)})
	}
	set, err := spaces.Load(more...)
	if err != nil {
		return set, nil, err
	}
	checker, err := profile.New(set)
	return set, checker, err
}

// harvestKeys reads what catalogues want of who harvests them. Errors: Invalid.
func (c *Config) harvestKeys() ([]fetch.Credential, error) {
	var out []fetch.Credential
	for i, k := range c.HarvestKeys {
		at := fmt.Sprintf("harvest_credentials.%d", i)
		err := fetch.CheckCredential(k.For)
		if err != nil {
			return nil, schemas.BadField("settings", at+".for", "%s", err)
		}
		said, err := files.Secret(k.File)
		if err != nil {
			return nil, schemas.BadField("settings", at+".file", "%s", err)
		}
		if said == "" || strings.ContainsFunc(said, func(r rune) bool { return r < ' ' || r > '~' }) {
			return nil, schemas.BadField("settings", at+".file", "%s holds no line that can be sent as an Authorization header", k.File)
		}
		out = append(out, fetch.Credential{For: k.For, Authorization: said})
	}
	return out, nil
}

// checkFolders looks whether catalogues may be read from the folders that the settings name: not from where the
// gateway keeps its own state and keys. Errors: Invalid.
func (c *Config) checkFolders() error {
	own, err := filepath.Abs(c.Data)
	for _, name := range c.Folders {
		at, fault := filepath.Abs(name)
		info, missing := os.Stat(at)
		switch {
		case name == "" || err != nil || fault != nil || missing != nil || !info.IsDir():
			return schemas.BadField("settings", "harvest_folders", "%q is no folder that is there", name)
		case within(own, at) || within(at, own):
			return schemas.BadField("settings", "harvest_folders", "%q holds the gateway's own state, or lies in it; catalogues lie elsewhere", name)
		}
	}
	return nil
}

// within says whether a path is a folder's, or lies below it; links count as where they lead.
func within(inner, outer string) bool {
	if real, err := filepath.EvalSymlinks(inner); err == nil {
		inner = real
	}
	if real, err := filepath.EvalSymlinks(outer); err == nil {
		outer = real
	}
	way, err := filepath.Rel(outer, inner)
	return err == nil && way != ".." && !strings.HasPrefix(way, ".."+string(filepath.Separator))
}

// reads gives how addresses of sources are read, and which may be named: of the web, and of this machine where the
// settings allow. A source of the web leads nowhere on this machine.
func (c *Config) reads(web *fetch.Client) (get func(context.Context, fetch.Request) (*fetch.Answer, error), check func(string) error) {
	files := folder.New(c.Folders)
	get = func(ctx context.Context, want fetch.Request) (*fetch.Answer, error) {
		if folder.Is(want.From) {
			return files.Get(ctx, want)
		}
		return web.Get(ctx, want)
	}
	check = func(address string) error {
		if folder.Is(address) {
			return files.Check(address)
		}
		return fetch.Check(address)
	}
	return get, check
}

// own says whether an address lies in the API of this site, by the address that the world knows or by that at which it
// listens.
func (c *Config) own(address string) bool {
	at, err := url.Parse(address)
	if err != nil || at.Host == "" {
		return false
	}
	port := func(u *url.URL) string {
		return cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	}
	if site, err := url.Parse(c.PublicURL); err == nil && c.PublicURL != "" && strings.HasPrefix(at.Path, site.Path+"/api/v1/") &&
		strings.EqualFold(at.Hostname(), site.Hostname()) && (port(at) == port(site) || at.Port()+site.Port() == "") {
		return true
	}
	_, listens, err := net.SplitHostPort(listenOn(c.Listen))
	ip, none := netip.ParseAddr(at.Hostname())
	here := strings.EqualFold(at.Hostname(), "localhost") || none == nil && (ip.IsLoopback() || ip.IsUnspecified())
	return err == nil && here && port(at) == listens && strings.HasPrefix(at.Path, "/api/v1/")
}

// behind is by how many changes the search is behind the registry; 0 while it is made anew, for which nobody waits.
func (s *site) behind(ctx context.Context) int64 {
	if !s.index.Ready() {
		return 0
	}
	head, err := s.db.Head(ctx)
	if err != nil {
		return 0
	}
	return head - s.index.Position()
}

// sources wires the harvest of other catalogues over the registry.
func (c *Config) sources(s *site, spaces []schemas.SpaceProfile, roots *x509.CertPool) *harvest.Harvester {
	keys, err := c.harvestKeys()
	if err != nil { // they were there when the settings were checked
		s.log.Error("catalogues that want a credential will refuse", "err", err)
	}
	web := fetch.New(fetch.Config{Networks: networks(c.Networks), Roots: roots, Agent: "guichet", Credentials: keys})
	ids := make([]schemas.SpaceID, len(spaces))
	for i := range spaces {
		ids[i] = spaces[i].ID
	}
	get, check := c.reads(web)
	return harvest.NewHarvester(harvest.Config{
		DB: s.db, Catalog: s.catalog, Spaces: ids, Fetch: get, Address: check, Own: c.own, Kinds: harvest.Kinds(), Log: s.log,
		Alone: !strings.HasPrefix(c.Database, "postgres"), Behind: s.behind,
	})
}
