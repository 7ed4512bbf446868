package serve

import (
	"crypto/x509"
	"fmt"
	"strings"

	"guichet/catalog/harvest"
	"guichet/cmd/guichet/files"
	"guichet/connectors/fetch"
	"guichet/schemas"
)

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
	return harvest.NewHarvester(harvest.Config{
		DB: s.db, Catalog: s.catalog, Spaces: ids, Fetch: web.Get, Address: fetch.Check, Kinds: harvest.Kinds(), Log: s.log,
		Alone: !strings.HasPrefix(c.Database, "postgres"),
	})
}
