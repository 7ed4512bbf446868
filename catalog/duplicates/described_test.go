package duplicates

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/schemas"
)

// TestNext: Turtle in the form in which it is kept, cut into its tokens.
func TestNext(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`<> a dcat:Dataset ; dct:title "a \" ; b"@en, "c" .`:               {"<>", "a", "dcat:Dataset", ";", "dct:title", `"a \" ; b"`, "@en", `"c"`, "."},
		"@base <https://x.example/> .\n<> foaf:page [ a foaf:Document ] .": {"@base", "<https://x.example/>", ".", "<>", "foaf:page", "[", "a", "foaf:Document", "]", "."},
		`<> dct:issued "2020"^^xsd:gYear .`:                                {"<>", "dct:issued", `"2020"`, "^^xsd:gYear", "."},
		`"never ends`:                                                      {`"never ends`},
		`<never ends`:                                                      {`<never ends`},
		`"ends in a stroke\`:                                               {`"ends in a stroke\`},
		" \n\t,, ":                                                         nil,
	} {
		var got []string
		for rest := text; rest != ""; {
			var token string
			token, rest = next(rest)
			if token != "" {
				got = append(got, token)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
}

// TestRead: of what is kept, what is said of the dataset itself, and nothing that is said of what it names.
func TestRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                     "[] [] [] []",
		`<> foaf:page <https://x.example/a> .`: "[] [] [x.example/a] []",
		`<> foaf:page <https://x.example/> .`:  "[] [] [] []",
		"@base <https://x.example/1> .\n<> foaf:page <https://x.example/a> .":                        "[] [] [x.example/a] []",
		`<> dct:relation "https://x.example/a" .`:                                                    "[] [] [x.example/a] []",
		`<> dct:source <https://x.example/a> .`:                                                      "[] [] [] []",
		`<> owl:sameAs <https://x.example/a>, "10.1234/b" .`:                                         "[x.example/a doi:10.1234/b] [] [] []",
		`<> adms:identifier [ a adms:Identifier ; skos:notation "10.1234/b" ; dct:issued "2020" ] .`: "[doi:10.1234/b] [] [] []",
		`<> dcat:downloadURL <https://x.example/a.csv> .`:                                            "[] [x.example/a.csv] [] []",
		"<https://x.example/agent> foaf:page <https://x.example/a> .":                                "[] [] [] []",
		"<> dct:title \"x\" .\n<https://x.example/agent> foaf:page <https://x.example/a> .":          "[] [] [] []",
		`<> spdx:checksum [ spdx:checksumValue "not one" ] .`:                                        "[] [] [] []",
		`<> spdx:checksum [ spdx:checksumValue "0123456789ABCDEF0123456789abcdef" ] .`:               "[] [] [] [0123456789abcdef0123456789abcdef]",
	} {
		var o Described
		o.read(text, false)
		if got := fmt.Sprint(o.Names, o.Files, o.Pages, o.Sums); got != want {
			t.Errorf("%s gives %s, want %s", text, got, want)
		}
	}
}

// TestInTables: whichever of the Institute's descriptions come and go in whichever order, the tables hold the
// groups that comparing all of them gives.
func TestInTables(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := finderOn(t, d)
		sets := institute(t)
		ids := slices.Sorted(maps.Keys(sets))
		r := rand.New(rand.NewPCG(1, 2))
		said := map[string]*Described{}
		put := func(id string, one *Described) {
			must(t, f.DB.WriteBulk(t.Context(), func(ctx context.Context, tx *db.Tx) error { return f.put(ctx, tx, id, one) }))
		}
		for range 3 {
			r.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
			for i, id := range ids {
				set := sets[id]
				one := Describe(&set)
				said[id] = &one
				put(id, &one)
				if i%5 == 0 {
					delete(said, id)
					put(id, nil)
					put(id, nil) // what is not there is not there
				}
			}
			want := compared(said).groups(nil)
			got, err := grouped(t.Context(), d, "dataset", ids)
			must(t, err)
			if !maps.Equal(got, want) {
				t.Errorf("groups are %v, want %v", got, want)
			}
			if in := f.inRecord(t); !maps.Equal(in, want) {
				t.Errorf("the record says %v, want %v", in, want)
			}
		}
	})
}

// TestPages: groups are listed a few at a time, each once, also where most of them are hidden from who asks.
func TestPages(t *testing.T) {
	t.Parallel()
	f := finderOn(t, dbtest.Open(t, dbtest.SQLite))
	var left []schemas.DatasetID
	for i := range 9 {
		d := of("Wheat yields by plot", called(fmt.Sprintf("10.1234/%d", i)))
		left = append(left, f.register(t, d))
		f.register(t, d)
	}
	f.settle(t)
	f.check(t)
	for _, id := range left[:6] { // withdrawn, and not followed yet
		_, err := f.Catalog.Withdraw(t.Context(), agronomy, id, 0)
		must(t, err)
	}
	for _, limit := range []int{1, 2, 3, 10} {
		seen, pages := map[string]bool{}, 0
		for after := ""; pages == 0 || after != ""; pages++ {
			list, next, err := f.List(t.Context(), public, after, limit)
			must(t, err)
			for _, g := range list {
				if seen[g.ID] || len(g.Items) != 2 || !strings.HasPrefix(g.ID, "ds-") {
					t.Errorf("%+v comes again, or is no group", g)
				}
				seen[g.ID] = true
			}
			after = next
		}
		if len(seen) != 3 || pages > 4 {
			t.Errorf("%d at a time: %d groups on %d pages", limit, len(seen), pages)
		}
	}
}
