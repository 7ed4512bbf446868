package serve

import (
	"crypto/x509"
	"strings"

	"guichet/catalog/harvest"
	"guichet/connectors/fetch"
	"guichet/schemas"
)

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
