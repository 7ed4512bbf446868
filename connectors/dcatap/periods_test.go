package dcatap

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"guichet/connectors/rdf"
	"guichet/schemas"
)

// Trial 96: every time of a dataset counts, in every form that catalogues write.
func TestPeriods(t *testing.T) {
	one := func(temporal string) schemas.Dataset {
		t.Helper()
		d, err := Read(rdf.JSONLD, []byte(`{"@context": {"dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/", "time": "http://www.w3.org/2006/time#", "schema": "http://schema.org/", "xsd": "http://www.w3.org/2001/XMLSchema#"},
			"@id": "https://x.example/d", "@type": "dcat:Dataset", "dct:title": "t", "dct:temporal": `+temporal+`}`), "")
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	both := func(property, from, until string) string {
		return `{"` + strings.Replace(property, "?", "start", 1) + `": ` + from + `, "` + strings.Replace(property, "?", "end", 1) + `": ` + until + `}`
	}
	owl := func(property, from, until string) string {
		return `{"time:hasBeginning": {"` + property + `": ` + from + `}, "time:hasEnd": {"` + property + `": ` + until + `}}`
	}
	for name, c := range map[string]struct {
		temporal string
		want     []schemas.Days
		noted    string // in a note; "" for none
	}{
		"dcat":            {both("dcat:?Date", `{"@value": "2022-08-03", "@type": "xsd:date"}`, `"2022-11-24"`), []schemas.Days{{From: "2022-08-03", Until: "2022-11-24"}}, ""},
		"zones":           {both("dcat:?Date", `"2022-08-03Z"`, `"2022-11-24+02:00"`), []schemas.Days{{From: "2022-08-03", Until: "2022-11-24"}}, ""},
		"instants":        {both("dcat:?Date", `"2022-08-03T00:00:00"`, `"2022-11-24T23:59:59.999Z"`), []schemas.Days{{From: "2022-08-03", Until: "2022-11-24"}}, ""},
		"schema":          {both("schema:?Date", `"2022"`, `"2022-11Z"`), []schemas.Days{{From: "2022", Until: "2022-11"}}, ""},
		"owl days":        {owl("time:inXSDDate", `"2022-08-03"`, `"2022-11-24"`), []schemas.Days{{From: "2022-08-03", Until: "2022-11-24"}}, ""},
		"owl stamps":      {owl("time:inXSDDateTimeStamp", `"2022-08-03T10:00:00Z"`, `"2022-11-24T10:00:00Z"`), []schemas.Days{{From: "2022-08-03", Until: "2022-11-24"}}, ""},
		"owl years":       {owl("time:inXSDgYear", `"2020"`, `"2021"`), []schemas.Days{{From: "2020", Until: "2021"}}, ""},
		"owl months":      {owl("time:inXSDgYearMonth", `"2020-01"`, `"2021-02"`), []schemas.Days{{From: "2020-01", Until: "2021-02"}}, ""},
		"owl description": {owl("time:inDateTime", `{"time:year": "2020", "time:month": "--02"}`, `{"time:year": "2021", "time:month": 3, "time:day": "---04"}`), []schemas.Days{{From: "2020-02", Until: "2021-03-04"}}, ""},
		"open":            {`{"dcat:startDate": "2020"}`, []schemas.Days{{From: "2020"}}, ""},
		"words":           {`["2020/2021", "start=2023; end=2024; scheme=W3C-DTF", "1995", "2030/.."]`, []schemas.Days{{From: "2020", Until: "2021"}, {From: "2023", Until: "2024"}, {From: "1995", Until: "1995"}, {From: "2030"}}, ""},
		"by address":      {`{"@id": "http://reference.data.gov.uk/id/year/2020"}`, []schemas.Days{{From: "2020", Until: "2020"}}, ""},
		"two":             {`[` + both("dcat:?Date", `"2010-01-01"`, `"2010-12-31"`) + `, ` + both("schema:?Date", `"2020-01-01"`, `"2020-12-31"`) + `]`, []schemas.Days{{From: "2010-01-01", Until: "2010-12-31"}, {From: "2020-01-01", Until: "2020-12-31"}}, ""},
		"old":             {both("dcat:?Date", `"1066-10-14"`, `"1500"`), []schemas.Days{{From: "1066-10-14", Until: "1500"}}, ""},
		"before Christ":   {both("dcat:?Date", `"-0500"`, `"0300"`), []schemas.Days{{Until: "0300"}}, `"-0500" is not a day`},
		"words of people": {`"the Middle Ages"`, nil, "names no days that are read here (the Middle Ages)"},
		"backwards":       {both("dcat:?Date", `"2021"`, `"2020"`), nil, "before it begins"},
		"two beginnings":  {`{"dcat:startDate": ["2020", "2021"]}`, []schemas.Days{{From: "2020"}}, "only 2020 is kept, not 2021"},
		"no day":          {both("dcat:?Date", `"2022-02-30"`, `"2022-03-30"`), []schemas.Days{{Until: "2022-03-30"}}, `"2022-02-30" is not a day`},
	} {
		d := one(c.temporal)
		if diff := cmp.Diff(c.want, d.Covered(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if noted := fmt.Sprint(d.Notes); c.noted == "" && len(d.Notes) > 0 || !strings.Contains(noted, c.noted) {
			t.Errorf("%s is noted as %s", name, noted)
		}
	}
	for file, want := range map[string][2]string{"two": {"2010-01-01", "2020-12-31"}, "zone": {"2022-08-03", "2022-11-24"}, "instants": {"2022-08-03", "2022-11-24"}} {
		d := readShared(t, "reports/96-two-periods/"+file+".jsonld", "")
		if got := [2]string{d.From, d.Until}; got != want || len(d.Notes) > 0 {
			t.Errorf("%s: %v %v", file, got, d.Notes)
		}
	}
}
