package serve

import (
	"crypto/x509"
	"os"
	"strings"

	"guichet/catalog/harvest"
	"guichet/catalog/profile"
	"guichet/connectors/fetch"
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

// sources wires the harvest of other catalogues over the registry.
func (c *Config) sources(s *site, spaces []schemas.SpaceProfile, roots *x509.CertPool) *harvest.Harvester {
	web := fetch.New(fetch.Config{Networks: networks(c.Networks), Roots: roots, Agent: "guichet"})
	ids := make([]schemas.SpaceID, len(spaces))
	for i := range spaces {
		ids[i] = spaces[i].ID
	}
	return harvest.NewHarvester(harvest.Config{
		DB: s.db, Catalog: s.catalog, Spaces: ids, Fetch: web.Get, Address: fetch.Check, Kinds: harvest.Kinds(), Log: s.log,
		Alone: !strings.HasPrefix(c.Database, "postgres"),
	})
}
