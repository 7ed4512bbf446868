// Package search is the command line's search over all spaces.
//
// In: words and filters. Out: the hits of the gateway with their marks, facets, what is near. Always: each
// flag is a filter of the API, in its words. It must not know how datasets are found.
package search

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"guichet/catalog/saved"
	"guichet/cmd/guichet/session"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/schemas"
)

// nearly tells a search that finds something where one found nothing.
func nearly(n schemas.Near) string {
	var parts []string
	for _, typed := range slices.Sorted(maps.Keys(n.Instead)) {
		parts = append(parts, fmt.Sprintf("with %s instead of %s", schemas.Visible(n.Instead[typed]), schemas.Visible(typed)))
	}
	if len(n.Without) > 0 {
		parts = append(parts, "without "+schemas.Visible(strings.Join(n.Without, ", ")))
	}
	return strings.Join(parts, ", ") + ": " + terminal.Count(int64(n.Total))
}

// Cmd searches all spaces.
type Cmd struct {
	Words      []string `arg:"" optional:"" help:"Words, \"phrases\", begin*, nearly~ and field:value; all must be found."`
	Project    string   `help:"Marks tell what is allowed for this project." placeholder:"ID"`
	Purpose    string   `help:"Marks tell what is allowed for this purpose." placeholder:"ID"`
	Action     string   `help:"Marks tell whether this is allowed: use, read or train." placeholder:"ACTION"`
	Access     string   `help:"Only hits with these marks: now, ask, no, elsewhere." placeholder:"MARKS"`
	Space      []string `help:"Only this data space; of each filter several values, separated by commas." placeholder:"ID"`
	Theme      []string `help:"Only this theme." placeholder:"CODE"`
	Country    []string `help:"Only this country." placeholder:"CODE"`
	Language   []string `help:"Only data in this language." placeholder:"TAG"`
	Publisher  []string `help:"Only of this publisher." placeholder:"NAME"`
	Provider   []string `help:"Only of this provider." placeholder:"ID"`
	Licence    []string `help:"Only this licence." placeholder:"NAME"`
	Format     []string `help:"Only this format." placeholder:"NAME"`
	Column     []string `help:"Only with this column." placeholder:"NAME"`
	Unit       []string `help:"Only with a column of this unit; column, unit, type and concept are of one and the same." placeholder:"UNIT"`
	Type       []string `help:"Only with a column of this type: float64, or float for all of its sizes." placeholder:"TYPE"`
	Concept    []string `help:"Only with a column that measures this." placeholder:"IRI"`
	Region     []string `help:"Only about this NUTS region, or regions in it." placeholder:"CODE"`
	Box        string   `help:"Only about this area: west,south,east,north in degrees." placeholder:"W,S,E,N"`
	Updated    string   `help:"Only what changed on this day or later." placeholder:"DAY"`
	From       string   `help:"Only data that reaches this day or later." placeholder:"DAY"`
	To         string   `help:"Only data that begins on this day or before." placeholder:"DAY"`
	Sort       string   `help:"modified: what changed last comes first; size: the largest; quality: the best described; title; the best match when left out." placeholder:"ORDER"`
	Facets     string   `help:"Count the values of these fields, separated by commas: access, space, country, …" placeholder:"NAMES"`
	FacetLimit string   `help:"Values to show of each facet." placeholder:"N"`
	Limit      int      `help:"Hits to show." default:"20"`
	Cursor     string   `help:"Go on after an earlier page." placeholder:"CURSOR"`
	All        bool     `help:"Show all hits."`
	Save       string   `help:"Keep this search under a name: guichet searches tells what changed since." placeholder:"NAME"`
}

// query is the question as the API takes it, but for the page; asked is false when it
// has no words and no filter.
func (v Cmd) query(more ...string) (q string, asked bool) {
	pairs := []string{"q", strings.Join(v.Words, " "), "access", v.Access, "box", v.Box, "updated", v.Updated, "from", v.From, "to", v.To}
	for _, f := range []struct {
		name   string
		values []string
	}{
		{"space", v.Space}, {"theme", v.Theme}, {"country", v.Country}, {"language", v.Language}, {"publisher", v.Publisher},
		{"provider", v.Provider}, {"licence", v.Licence}, {"format", v.Format}, {"column", v.Column}, {"unit", v.Unit}, {"type", v.Type},
		{"concept", v.Concept}, {"region", v.Region},
	} { // however often a flag was given
		pairs = append(pairs, f.name, strings.Join(f.values, ","))
	}
	asked = client.Query(pairs...) != ""
	pairs = append(pairs, "project", v.Project, "purpose", v.Purpose, "action", v.Action, "sort", v.Sort, "facets",
		v.Facets, "facet_limit", v.FacetLimit)
	return client.Query(append(pairs, more...)...), asked
}

// Run searches.
func (v Cmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	limit := strconv.Itoa(v.Limit)
	if v.All {
		limit = "1000"
	}
	q, asked := v.query("limit", limit, "cursor", v.Cursor)
	f, err := c.Search(ctx, q)
	for err == nil && v.All && f.Next != "" {
		q, _ = v.query("limit", limit, "cursor", f.Next)
		var more schemas.Found
		more, err = c.Search(ctx, q)
		f.Items, f.Next = append(f.Items, more.Items...), more.Next
	}
	if err != nil {
		return err
	}
	if v.Save != "" {
		q, _ := v.query()
		err = c.Post(ctx, "/searches", saved.SearchAsk{Name: v.Save, Query: strings.TrimPrefix(q, "?"), Total: f.Total}, nil)
		if err != nil {
			return err
		}
	}
	if t.JSON {
		return t.Print(f)
	}
	err = v.show(t, &f, asked)
	if err == nil && v.Save != "" {
		fmt.Fprintf(t.Out, "kept as %s: guichet searches tells what changed since\n", schemas.Visible(v.Save))
	}
	return err
}

// show prints hits as a table; where nothing matches it prints what is near.
func (v Cmd) show(t *terminal.Terminal, f *schemas.Found, asked bool) error {
	if f.Total == 0 && asked {
		nothing := "no dataset matches"
		if len(f.Near) > 0 {
			nothing += " all of " + schemas.Visible(strings.Join(v.Words, " "))
		}
		for _, n := range f.Near {
			nothing += "; " + nearly(n)
		}
		fmt.Fprintln(t.Out, nothing)
		for _, n := range f.Notes {
			fmt.Fprintln(t.Out, schemas.Visible(n))
		}
		if (v.Access != "" || strings.Contains(strings.Join(v.Words, " "), "access:")) && v.Project == "" && v.Purpose == "" {
			fmt.Fprintln(t.Out, "what is allowed depends on the use: say --project or --purpose")
		}
		return nil
	}
	if f.Total > 0 {
		found := terminal.Plural(int64(f.Total), "dataset", "datasets")
		if len(f.Without) > 0 {
			found += ", without " + schemas.Visible(strings.Join(f.Without, ", "))
		}
		fmt.Fprintln(t.Out, found)
		for _, n := range f.Notes {
			fmt.Fprintln(t.Out, schemas.Visible(n))
		}
	}
	head, used := "ACCESS\tID\tSPACE\tROWS\tSIZE\tUPDATED\t", ""
	if slices.ContainsFunc(f.Items, func(h schemas.Hit) bool { return h.Runs > 0 || h.Wait != nil }) {
		used = "RUNS\tANSWER\t"
	}
	err := terminal.List(t, f.Items, head+used+"LICENCE\tTITLE", func(h schemas.Hit) []string {
		rows, size := terminal.Count(h.Rows), terminal.Size(h.Bytes)
		if h.Access == schemas.MarkElsewhere { // nobody here knows
			rows, size = "", ""
		} else if h.Version == "" { // nothing is published
			rows, size = "-", "-"
		}
		row := []string{terminal.Mark(h.Access) + asterisk(h.Notes), string(h.ID), string(h.Space), rows, size, terminal.Day(h.Updated)}
		if used != "" {
			row = append(row, strings.TrimPrefix(terminal.Count(int64(h.Runs)), "0"), terminal.Answered(h.Wait))
		}
		return append(row, h.Licence, terminal.Title(h.Title))
	})
	for _, name := range slices.Sorted(maps.Keys(f.Facets)) {
		var values []string
		for _, x := range f.Facets[name].Values {
			name := x.Value
			if x.Label != "" {
				name = x.Label + " (" + x.Value + ")" // filters take the value
			}
			values = append(values, name+" "+terminal.Count(int64(x.Count)))
		}
		if n := f.Facets[name].Remainder; n > 0 {
			values = append(values, "others "+terminal.Count(int64(n)))
		}
		fmt.Fprintf(t.Out, "%s: %s\n", name, strings.Join(values, ", "))
	}
	if f.Next != "" {
		more := fmt.Sprintf("more: --cursor %s, or --all", f.Next)
		if v.Cursor == "" {
			more = terminal.Count(int64(f.Total)-int64(len(f.Items))) + " " + more
		}
		fmt.Fprintln(t.Out, more)
	}
	for i := range f.Items {
		if h := &f.Items[i]; h.SameTotal > 0 {
			fmt.Fprintf(t.Out, "%s: the same data in %s; guichet duplicates show %s\n", h.ID,
				terminal.Plural(h.SameTotal, "other place", "other places"), h.ID)
		}
	}
	if slices.ContainsFunc(f.Items, func(h schemas.Hit) bool { return len(h.Notes) > 0 }) {
		fmt.Fprintln(t.Out, "*: the licence asks for more than the terms; guichet explain ID says what")
	}
	no := slices.ContainsFunc(f.Items, func(h schemas.Hit) bool { return h.Access == schemas.MarkNo })
	switch {
	case no && v.Project == "" && v.Purpose == "":
		fmt.Fprintln(t.Out, "what is allowed depends on the use: say --project or --purpose")
	case no:
		fmt.Fprintln(t.Out, "why not, and what would change it: guichet explain ID with the same --project or --purpose")
	}
	return err
}

// asterisk marks a hit about which there is more to say.
func asterisk(notes []string) string {
	if len(notes) == 0 {
		return ""
	}
	return "*"
}
