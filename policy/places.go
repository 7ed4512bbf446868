package policy

import "guichet/connectors/rdf"

// Places knows countries by their ISO 3166-1 alpha-2 codes, and the unions EU and EEA.
type Places = rdf.Places

// NewPlaces reads the names of countries.
func NewPlaces() (*Places, error) { return rdf.LoadPlaces() }
