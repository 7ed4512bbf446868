package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"guichet/cmd/guichet/args"
	"guichet/cmd/guichet/duplicates"
	"guichet/cmd/guichet/files"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/connectors/geo"
	said "guichet/connectors/rdf/about"
	"guichet/schemas"
)

// showCmd shows a dataset as the caller may see it.
type showCmd struct {
	Dataset string `arg:"" help:"Id of the dataset."`
	Format  string `help:"Its description as other catalogues read it: jsonld, turtle or rdfxml (DCAT-AP), croissant, or our json." enum:",json,jsonld,turtle,rdfxml,croissant" default:"" placeholder:"FORMAT"`
}

// shownVersion is a version as the API gives it: with its tables, without places.
type shownVersion struct {
	schemas.VersionSummary
	Data []struct {
		Name    string                `json:"name"`
		Objects bool                  `json:"objects"`
		Columns []schemas.TableColumn `json:"columns"`
		Splits  []struct {
			Name   string `json:"name"`
			Shards int    `json:"shards"`
			Rows   int64  `json:"rows"`
		} `json:"splits"`
	} `json:"data,omitempty"`
}

// versionOf asks for one version, with its tables where the caller may know them.
func versionOf(ctx context.Context, c *client.Client, dataset, name string) (shownVersion, error) {
	var s shownVersion
	return s, c.Get(ctx, "/datasets/"+url.PathEscape(dataset)+"/versions/"+url.PathEscape(name), &s)
}

// Run shows a dataset: what it is, under which terms, and what is published.
func (v showCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	if v.Format != "" {
		var text []byte
		err = c.Do(ctx, http.MethodGet, "/datasets/"+url.PathEscape(v.Dataset), nil, &text, client.Accept(files.MediaType(v.Format)))
		_, late := t.Out.Write(text)
		return errors.Join(err, late)
	}
	var d schemas.Dataset
	err = c.Get(ctx, "/datasets/"+url.PathEscape(v.Dataset), &d)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(d)
	}
	fmt.Fprintf(t.Out, "%s\n%s · %s · %s\n", terminal.Title(d.Title), d.ID, d.Space, d.Provider)
	if d.Withdrawn {
		fmt.Fprintln(t.Out, "withdrawn: nobody else sees it, and nobody gets it")
	}
	if s := terminal.Title(d.Description); s != "" {
		fmt.Fprintln(t.Out, s)
	}
	if d.Source != "" {
		fmt.Fprintf(t.Out, "harvested from the source %s: what is said here changes there\n", d.Source)
	}
	if d.Publisher != "" {
		fmt.Fprintf(t.Out, "published by %s\n", d.Publisher)
	}
	if d.Licence != "" {
		fmt.Fprintf(t.Out, "licence %s\n", d.Licence)
	}
	if len(d.Licences) > 0 {
		fmt.Fprintf(t.Out, "it is the strictest of %s\n", strings.Join(d.Licences, ", "))
	}
	if d.Attribution != "" {
		fmt.Fprintf(t.Out, "give credit: %s\n", d.Attribution)
	}
	if d.Contact != "" {
		fmt.Fprintf(t.Out, "to ask: %s\n", d.Contact)
	}
	if len(d.Identifiers) > 0 {
		fmt.Fprintf(t.Out, "also called %s\n", strings.Join(d.Identifiers, ", "))
	}
	if times := d.Covered(); len(times) > 0 {
		fmt.Fprintf(t.Out, "covers %s\n", covered(times))
	}
	for _, x := range []struct {
		what   string
		values []string
	}{
		{"about the countries", d.Countries}, {"about the regions", d.Regions},
		{"in the languages", d.Languages}, {"themes", d.Themes}, {"keywords", d.Keywords},
	} {
		if len(x.values) > 0 {
			fmt.Fprintf(t.Out, "%s %s\n", x.what, strings.Join(x.values, ", "))
		}
	}
	if b, err := geo.FromSlice(d.Box); err == nil {
		fmt.Fprintf(t.Out, "within west %v, south %v, east %v, north %v degrees\n", b[0], b[1], b[2], b[3])
	}
	if d.Source == "" {
		printTerms(t, d.Offer)
	} else if len(d.Links) == 0 {
		fmt.Fprintf(t.Out, "held elsewhere: %s\n", d.IRI)
	}
	if words := said.RightInWords(said.AccessRight(&d)); words != "" && d.Offer == nil {
		fmt.Fprintln(t.Out, words)
	}
	for _, l := range d.Links {
		under := ""
		if l.Licence != "" {
			under = ", under " + l.Licence
		}
		fmt.Fprintf(t.Out, "held elsewhere: %s%s\n", l.URL, under)
	}
	terminal.Facts(t, d.Facts)
	if n := said.Count(&d); n > 0 {
		fmt.Fprintf(t.Out, "and %d statements that have no field here: guichet show %s --format turtle\n", n, d.ID)
	}
	same, err := duplicates.Of(ctx, c, v.Dataset)
	if err != nil {
		return err
	}
	duplicates.Tell(t, &same, false)
	terminal.Profiles(t, &d, false)
	versions, err := client.All[schemas.VersionSummary](ctx, c, "/datasets/"+url.PathEscape(v.Dataset)+"/versions")
	if err != nil {
		return err
	}
	for i := range versions {
		printVersion(t, &versions[i])
	}
	if d.Latest == nil {
		fmt.Fprintln(t.Out, "nothing published yet")
		printTables(t, &d, nil)
		return nil
	}
	latest, err := versionOf(ctx, c, v.Dataset, string(d.Latest.Version))
	if err != nil {
		return err
	}
	printTables(t, &d, &latest)
	return nil
}

// covered tells times in words.
func covered(times []schemas.Days) string {
	var out []string
	for _, p := range times {
		switch {
		case p.From == p.Until:
			out = append(out, p.From)
		case p.Until == "":
			out = append(out, "from "+p.From+" on")
		case p.From == "":
			out = append(out, "until "+p.Until)
		default:
			out = append(out, p.From+" to "+p.Until)
		}
	}
	return strings.Join(out, ", ")
}

// printVersion tells one version in a line.
func printVersion(t *terminal.Terminal, s *schemas.VersionSummary) {
	fmt.Fprintf(t.Out, "version %s: ", s.Version)
	switch s.State {
	case schemas.VersionPublished:
		if s.Rows == 0 && s.Bytes == 0 { // what is published has some
			fmt.Fprintf(t.Out, "its terms hide rows, published %s\n", terminal.When(s.Published))
			return
		}
		fmt.Fprintf(t.Out, "%s, %s, published %s\n", terminal.Plural(s.Rows, "row", "rows"), terminal.Size(s.Bytes), terminal.When(s.Published))
	case schemas.VersionPublishing:
		fmt.Fprintf(t.Out, "is being published, %d of %s read\n", s.ShardsDone, terminal.Plural(s.Shards, "shard", "shards"))
		if s.Waiting != nil {
			fmt.Fprintf(t.Out, "  it does not go on since %s (%s): %s\n", terminal.When(s.Waiting.Since),
				terminal.Plural(s.Waiting.Tries, "try", "tries"), s.Waiting.Why)
		}
	default:
		fmt.Fprintf(t.Out, "%s\n", s.State)
	}
}

// printTables tells the tables of the newest version with what the provider said of their
// columns; of a dataset without a version what its provider said.
func printTables(t *terminal.Terminal, d *schemas.Dataset, latest *shownVersion) {
	said := map[string]schemas.Field{}
	for _, tab := range d.Tables {
		for _, f := range tab.Fields {
			said[tab.Name+"/"+f.Name] = f
		}
	}
	if latest == nil || len(latest.Data) == 0 {
		for _, tab := range d.Tables {
			fmt.Fprintf(t.Out, "table %s\n", tab.Name)
			for _, f := range tab.Fields {
				printColumn(t, f.Name, f.Type, f)
			}
		}
		return
	}
	for _, tab := range latest.Data {
		fmt.Fprintf(t.Out, "table %s\n", tab.Name)
		for _, s := range tab.Splits {
			rows := terminal.Plural(s.Rows, "row", "rows")
			if s.Rows == 0 && latest.Rows == 0 {
				rows = "some rows"
			}
			if tab.Objects {
				fmt.Fprintf(t.Out, "  split %s: %s, given as they are\n", s.Name, terminal.Plural(s.Shards, "object", "objects"))
				continue
			}
			fmt.Fprintf(t.Out, "  split %s: %s in %s\n", s.Name, rows, terminal.Plural(s.Shards, "shard", "shards"))
		}
		for _, col := range tab.Columns {
			f := said[tab.Name+"/"+col.Name]
			later := ""
			if f.Unit != col.Unit && f.Unit != "" {
				later = fmt.Sprintf("; in %s from the next version on", f.Unit)
			}
			f.Unit, f.Description = col.Unit, col.Description // what the version carries
			printColumn(t, col.Name, col.Type, f, later)
		}
	}
}

// printColumn shows a column on one line: its type, unit, sensitivity and what its
// provider says.
func printColumn(t *terminal.Terminal, name, typ string, f schemas.Field, more ...string) {
	line := strings.TrimSpace(name + " " + typ)
	if f.Unit != "" {
		line += " in " + f.Unit
	}
	if f.Sensitivity != "" {
		line += ", " + string(f.Sensitivity)
	}
	if s := terminal.Title(f.Description); s != "" {
		line += ": " + s
	}
	line += strings.Join(more, "")
	fmt.Fprintf(t.Out, "  %s\n", line)
}

// printTerms tells an offer in words.
func printTerms(t *terminal.Terminal, o *schemas.Offer) {
	if o == nil {
		fmt.Fprintln(t.Out, "no terms are set: nobody gets it yet")
		return
	}
	name := terminal.Title(o.Title)
	if name == "" {
		name = o.Template
	}
	if name != "" {
		name = " (" + name + ")"
	}
	fmt.Fprintf(t.Out, "terms%s\n", name)
	for _, r := range o.Rules {
		word := "allowed"
		if r.Kind == schemas.Prohibition {
			word = "forbidden"
		}
		fmt.Fprintf(t.Out, "  %s: %s", word, strings.Join(r.Actions, ", "))
		if r.Constraint != nil {
			fmt.Fprintf(t.Out, ", where %s", condition(r.Constraint))
		}
		fmt.Fprintln(t.Out)
		for i := range r.Duties {
			fmt.Fprintf(t.Out, "    demands: %s\n", terminal.Duty(&r.Duties[i]))
		}
	}
	if o.Review {
		fmt.Fprintln(t.Out, "  each request is reviewed")
	}
	if o.Follow {
		fmt.Fprintln(t.Out, "  agreements cover later versions too")
	}
}

// condition tells a constraint in words.
func condition(c *schemas.Constraint) string {
	for _, x := range []struct {
		children []schemas.Constraint
		word     string
	}{{c.And, " and "}, {c.Or, " or "}} {
		if len(x.children) == 0 {
			continue
		}
		parts := make([]string, len(x.children))
		for i := range x.children {
			parts[i] = condition(&x.children[i])
		}
		return "(" + strings.Join(parts, x.word) + ")"
	}
	how, known := map[string]string{"eq": "is", "neq": "is not", "isA": "is a kind of", "isAnyOf": "is", "isNoneOf": "is none of",
		"lt": "is before", "lteq": "is at the latest", "gt": "is after", "gteq": "is at the earliest"}[c.Operator]
	if !known {
		how = c.Operator
	}
	return c.Left + " " + how + " " + strings.Join(c.Right, " or ")
}

// versionsCmd lists versions, or says where one stands and why it does not go on.
type versionsCmd struct {
	Dataset string `arg:"" help:"Id of the dataset."`
	Name    string `arg:"" optional:"" name:"version" help:"Only this version, with its notes and faults."`
}

// Run lists versions, or shows one: where it stands after publish --no-wait.
func (v versionsCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	if v.Name == "" {
		all, err := client.All[schemas.VersionSummary](ctx, c, "/datasets/"+url.PathEscape(v.Dataset)+"/versions")
		if err != nil {
			return err
		}
		return terminal.List(t, all, "VERSION\tSTATE\tTABLES\tSHARDS\tROWS\tSIZE\tSTARTED\tPUBLISHED", func(s schemas.VersionSummary) []string {
			state := string(s.State)
			if s.Waiting != nil {
				state += ", waits"
			}
			return []string{
				string(s.Version), state, terminal.Count(int64(s.Tables)), terminal.Count(int64(s.Shards)), terminal.Count(s.Rows),
				terminal.Size(s.Bytes), terminal.When(s.Started), terminal.When(s.Published),
			}
		})
	}
	s, err := versionOf(ctx, c, v.Dataset, v.Name)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(s)
	}
	printVersion(t, &s.VersionSummary)
	for _, f := range s.Failures {
		fmt.Fprintf(t.Out, "  fault in %s: %s\n", f.Pointer, f.Message)
	}
	for _, n := range s.Notes {
		fmt.Fprintf(t.Out, "  %s: %s\n", n.Pointer, n.Message)
	}
	printTables(t, &schemas.Dataset{}, &s)
	return nil
}

// standInCmd gets made-up rows of a dataset.
type standInCmd struct {
	Dataset string    `arg:"" help:"Id of the dataset."`
	Version string    `help:"Version; the latest when left out." placeholder:"ID"`
	Table   string    `help:"Table; may be left out where there is one." placeholder:"NAME"`
	Columns args.Some `help:"Only these columns, separated by commas." placeholder:"NAMES"`
	Rows    int       `help:"How many." default:"1000"`
	Seed    uint64    `help:"Other rows." placeholder:"N"`
	Out     string    `help:"File for them, in Arrow's IPC file format." type:"path" default:"stand-in.arrow" placeholder:"FILE"`
}

// Run gets them into a file.
func (v standInCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	var rows []byte
	err = c.Get(ctx, "/datasets/"+url.PathEscape(v.Dataset)+"/stand-in.arrow"+client.Query("version", v.Version, "table", v.Table,
		"columns", string(v.Columns), "rows", strconv.Itoa(v.Rows), "seed", strconv.FormatUint(v.Seed, 10)), &rows)
	if err != nil {
		return err
	}
	f, err := files.Create(v.Out)
	if err != nil {
		return err
	}
	_, err = f.Write(rows)
	if err != nil {
		f.Drop()
		return err
	}
	err = f.Keep()
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(map[string]any{"file": v.Out, "rows": v.Rows, "bytes": len(rows)})
	}
	fmt.Fprintf(t.Out, "%s made up in %s: nothing of the data is in them\n", terminal.Plural(v.Rows, "row", "rows"), v.Out)
	return nil
}
