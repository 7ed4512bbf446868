package operate

import (
	"net/url"
	"strings"

	"guichet/gateway/web/page"
	"guichet/schemas"
)

// factories are sites that train.
func factories() *kind[schemas.Factory] {
	return &kind[schemas.Factory]{
		name: "factories", columns: []string{"facet.country", "ask.secure", "opfield.egress"},
		revised: func(f *schemas.Factory) int64 { return f.Revision },
		row: func(v *page.Visit, f *schemas.Factory) row {
			secure := ""
			if f.Secure {
				secure = v.Reader.T("operate.yes")
			}
			return row{ID: string(f.ID), Name: f.Name, Cells: []string{f.Country, secure, strings.Join(f.Egress, ", ")}}
		},
		fields: func(v *page.Visit, f *schemas.Factory) ([]field, error) {
			var countries []option
			for _, c := range v.Reader.Countries() {
				countries = append(countries, option{c.Code, c.Name, c.Code == f.Country})
			}
			return []field{
				{Name: "id", Kind: line, Value: string(f.ID), Required: true}, {Name: "name", Kind: line, Value: f.Name, Required: true},
				{Name: "country", Kind: pick, Options: none("", countries), Required: true},
				{Name: "egress", Kind: area, Value: strings.Join(f.Egress, "\n")}, {Name: "regions", Kind: area, Value: strings.Join(f.Regions, "\n")},
				{Name: "partitions", Kind: area, Value: strings.Join(f.Partitions, "\n")},
				{Name: "secure", Kind: box, Options: []option{{"yes", "", f.Secure}}},
			}, nil
		},
		read: func(sent url.Values, f *schemas.Factory) error {
			f.ID, f.Name, f.Country = schemas.FactoryID(strings.TrimSpace(sent.Get("id"))), sent.Get("name"), sent.Get("country")
			f.Egress, f.Regions, f.Partitions = lines(sent.Get("egress")), lines(sent.Get("regions")), lines(sent.Get("partitions"))
			f.Secure = sent.Get("secure") != ""
			return nil
		},
	}
}

// stores are S3 stores, with the prefixes in them that were granted.
func stores() *kind[schemas.Store] {
	return &kind[schemas.Store]{
		name: "stores", named: []string{"participant"},
		columns: []string{"opfield.endpoint", "opfield.region", "opfield.workbucket", "operate.granted"},
		revised: func(s *schemas.Store) int64 { return s.Revision },
		row: func(v *page.Visit, s *schemas.Store) row {
			return row{ID: string(s.ID), Name: string(s.ID), Cells: []string{s.Endpoint, s.Region, s.WorkBucket,
				v.Reader.T("operate.prefixes", "Count", len(s.Prefixes))}}
		},
		fields: func(_ *page.Visit, s *schemas.Store) ([]field, error) {
			var granted []string
			for _, p := range s.Prefixes {
				granted = append(granted, string(p.Participant)+" "+p.Bucket+" "+p.Prefix)
			}
			return []field{
				{Name: "id", Kind: line, Value: string(s.ID), Required: true}, {Name: "endpoint", Kind: line, Value: s.Endpoint, Required: true},
				{Name: "region", Kind: line, Value: s.Region}, {Name: "public_endpoint", Kind: line, Value: s.PublicEndpoint},
				{Name: "credential_ref", Kind: line, Required: s.ID == ""}, // never shown; one that is left empty stays
				{Name: "work_bucket", Kind: line, Value: s.WorkBucket}, {Name: "own", Kind: box, Options: []option{{"yes", "", s.Own}}},
				{Name: "prefixes", Kind: area, Value: strings.Join(granted, "\n")},
				{Name: "unchecked", Kind: box, Options: []option{{"yes", "", false}}},
			}, nil
		},
		read: readStore,
		path: func(sent url.Values) string {
			if sent.Get("unchecked") != "" {
				return "/stores?unchecked=true"
			}
			return "/stores"
		},
		more: func(v *page.Visit, s *schemas.Store) []form {
			return []form{newForm(v, "grant", "/operate/stores/grant", "operate.grant", "operate.dogrant", about(string(s.ID), s.Revision,
				field{Name: "participant", Kind: organisation, Required: true}, field{Name: "bucket", Kind: line, Required: true},
				field{Name: "prefix", Kind: line, Required: true})...)}
		},
		change: map[string]func(url.Values, *schemas.Store, *page.Visit){
			"grant": func(sent url.Values, s *schemas.Store, _ *page.Visit) {
				s.Prefixes = append(s.Prefixes, schemas.Prefix{Participant: schemas.ParticipantID(strings.TrimSpace(sent.Get("participant"))),
					Bucket: strings.TrimSpace(sent.Get("bucket")), Prefix: strings.TrimSpace(sent.Get("prefix"))})
			},
		},
	}
}

// readStore reads what was typed of a store: a grant in each line, as participant, bucket and prefix.
func readStore(sent url.Values, s *schemas.Store) error {
	said := func(name string) string { return strings.TrimSpace(sent.Get(name)) }
	s.ID, s.Endpoint, s.Region = schemas.StoreID(said("id")), said("endpoint"), said("region")
	s.PublicEndpoint, s.WorkBucket, s.Own = said("public_endpoint"), said("work_bucket"), said("own") != ""
	if ref := said("credential_ref"); ref != "" {
		s.CredentialRef = ref
	}
	s.Prefixes = nil
	for n, l := range lines(sent.Get("prefixes")) {
		words := strings.SplitN(strings.TrimSpace(l), " ", 3) // a prefix may have spaces
		if len(words) != 3 {
			return typing("prefixes", "line %d has no participant, bucket and prefix with spaces between them", n+1)
		}
		s.Prefixes = append(s.Prefixes, schemas.Prefix{Participant: schemas.ParticipantID(words[0]), Bucket: words[1], Prefix: words[2]})
	}
	return nil
}
