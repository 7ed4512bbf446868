package feed

import (
	"fmt"
	"strings"
	"testing"

	"guichet/connectors/rdf"
)

func parse(t *testing.T, doc string) *rdf.Document {
	t.Helper()
	const context = `{"@context": {"as": "https://www.w3.org/ns/activitystreams#", "tree": "https://w3id.org/tree#", "dcat": "http://www.w3.org/ns/dcat#"}, "@graph": `
	out, err := rdf.Parse(rdf.JSONLD, []byte(context+doc+"}"), rdf.Options{Limits: rdf.Limits{Bytes: 1 << 20, Depth: 32, Values: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestEvents: events come in the order of their times, with what they say of their entities; what a
// catalogue describes is none.
func TestEvents(t *testing.T) {
	t.Parallel()
	event := func(kind, object, at string) string {
		return fmt.Sprintf(`{"@id": "urn:e:%s", "@type": "as:%s", "as:object": {"@id": "https://x.example/%s"}, "as:published": %q}`, object, kind, object, at)
	}
	for name, c := range map[string]struct {
		doc  string
		want string
		feed bool
	}{
		"in order": {
			doc:  "[" + event("Update", "b", "2025-02-02T00:00:00Z") + "," + event("Create", "a", "2025-02-01T00:00:00Z") + "]",
			want: "a b",
			feed: true,
		},
		"removed": {
			doc:  "[" + event("Delete", "a", "2025-02-01T00:00:00Z") + "," + event("Remove", "b", "2025-02-01T00:00:01Z") + "]",
			want: "-a -b",
			feed: true,
		},
		"without a time": {
			doc:  "[" + event("Create", "a", "2025-02-01T00:00:00Z") + "," + event("Create", "b", "lately") + "]",
			want: "b a",
			feed: true,
		},
		"of another kind": {
			doc: "[" + event("Like", "a", "2025-02-01T00:00:00Z") + "]",
		},
		"of a dataset": {
			doc: `[{"@id": "urn:d", "@type": ["dcat:Dataset", "as:Delete"], "as:object": {"@id": "https://x.example/a"}}]`,
		},
		"an empty page of a feed": {
			doc:  `[{"@id": "https://x.example/1", "@type": "tree:Node"}]`,
			feed: true,
		},
		"a catalogue in a tree": {
			doc: `[{"@id": "https://x.example/1", "@type": "tree:Node"}, {"@id": "urn:c", "@type": "dcat:Catalog"}]`,
		},
		"nothing": {
			doc: `[]`,
		},
	} {
		list, is := Events(parse(t, c.doc))
		var got []string
		for _, e := range list {
			object := strings.TrimPrefix(e.Object, "https://x.example/")
			if e.Gone {
				object = "-" + object
			}
			got = append(got, object)
		}
		if is != c.feed || strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, %v", name, got, is)
		}
	}
}

// TestOnward: the next page is the node of a relation, and no page leads to itself.
func TestOnward(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		doc  string
		want string
	}{
		"a relation": {
			doc:  `[{"@id": "https://x.example/1", "tree:relation": {"tree:node": {"@id": "https://x.example/2"}}}]`,
			want: "https://x.example/2",
		},
		"described elsewhere": {
			doc: `[{"@id": "https://x.example/1", "tree:relation": {"@id": "urn:r"}},
				{"@id": "urn:r", "tree:node": {"@id": "https://x.example/3"}}]`,
			want: "https://x.example/3",
		},
		"to itself": {
			doc: `[{"@id": "https://x.example/1", "tree:relation": {"tree:node": {"@id": "https://x.example/1"}}}]`,
		},
		"to no address": {
			doc: `[{"@id": "https://x.example/1", "tree:relation": {"tree:node": {"@id": "urn:a:b"}}}]`,
		},
		"none": {
			doc: `[{"@id": "https://x.example/1"}]`,
		},
	} {
		if got := Onward(parse(t, c.doc), "https://x.example/1"); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
