package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"guichet/cmd/guichet/files"
	"guichet/cmd/guichet/terminal"
	"guichet/cmd/guichet/webfile"
	"guichet/connectors/client"
	"guichet/gateway/api/body"
	tries "guichet/policy/trial" // which tests here call something else
	"guichet/schemas"
)

// registerCmd registers descriptions one after the other: all files are read before the first
// is sent, and what was registered before a failure stays.
type registerCmd struct {
	Files []string `arg:"" help:"One dataset each: YAML (docs/examples.md has one), JSON, or DCAT-AP in JSON-LD, Turtle or RDF/XML." type:"existingfile"`
	Space string   `help:"The data space, for files that do not say it." placeholder:"SPACE"`
	// Country is for descriptions of others that name no country: a box names none.
	Country string `help:"The countries that the data is about, separated by commas, for files that name none." placeholder:"CODES"`
	Check   bool   `help:"Register nothing: say what is wrong, which profiles it meets, what would raise its quality."`
}

// Run reads every file, then registers one after the other and says what was.
func (v registerCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	var bodies []client.Document
	for _, path := range v.Files {
		body, _, err := datasetFile(path)
		if err != nil {
			return err
		}
		bodies = append(bodies, body)
	}
	var made []schemas.Dataset
	var failed error
	for i, path := range v.Files {
		var out schemas.Dataset
		check := ""
		if v.Check {
			check = "true"
		}
		failed = about(path, c.Post(ctx, "/datasets"+client.Query("space", v.Space, "country", v.Country, "check", check), bodies[i], &out))
		if failed != nil {
			break
		}
		made = append(made, out)
	}
	if failed != nil && len(made) == 0 {
		return failed
	}
	if v.Check {
		return errors.Join(failed, checkedFiles(t, v.Files, made))
	}
	err = terminal.List(t, made, "ID\tTITLE", func(d schemas.Dataset) []string { return []string{string(d.ID), terminal.Title(d.Title)} })
	for i := range made {
		if !t.JSON && len(made[i].Notes) > 0 {
			fmt.Fprintf(t.Out, "of the description of %s:\n", made[i].ID)
			printRemarks(t, made[i].Notes)
		}
		if !t.JSON {
			terminal.Profiles(t, &made[i], len(made) > 1)
		}
	}
	if e, ok := errors.AsType[*schemas.Error](failed); ok {
		e.Remedy = strings.TrimPrefix(e.Remedy+"; ", "; ") + fmt.Sprintf("%s is registered already: repeat with %s",
			strings.Join(v.Files[:len(made)], ", "), strings.Join(v.Files[len(made):], " "))
	}
	return errors.Join(failed, err)
}

// checkedFiles says what descriptions would come to.
func checkedFiles(t *terminal.Terminal, files []string, would []schemas.Dataset) error {
	if t.JSON {
		return t.Print(would)
	}
	for i := range would {
		fmt.Fprintf(t.Out, "%s: it can be registered: %s\n", files[i], terminal.Title(would[i].Title))
		printRemarks(t, would[i].Notes)
		terminal.Profiles(t, &would[i], false)
		if q := would[i].Quality; q != nil {
			fmt.Fprintf(t.Out, "quality: %d of %d points, %s\n", q.Points, q.Most, q.Rating)
		}
	}
	return nil
}

// datasetFile reads a dataset's description: as it is sent, and as the gateway will
// read it, so that its faults are found before anything is sent.
func datasetFile(path string) (client.Document, schemas.Dataset, error) {
	doc, err := files.ReadBody(path)
	if err != nil {
		return doc, schemas.Dataset{}, err
	}
	d, err := body.ReadDataset(doc.Type, doc.Text)
	return doc, d, about(path, err)
}

// about names the file that an error is about.
func about(path string, err error) error {
	e, ok := errors.AsType[*schemas.Error](err)
	if !ok {
		return err
	}
	named := *e
	named.Message = path + ": " + e.Message
	named.Fields = slices.Clone(e.Fields)
	for i := range named.Fields {
		if named.Fields[i].Message == e.Message {
			named.Fields[i].Message = named.Message // one sentence, told once
		}
	}
	return &named
}

// publishCmd publishes from a store, from a file that says it all, or from files of this
// machine.
type publishCmd struct {
	Dataset    string   `arg:"" help:"Id of the dataset."`
	Files      []string `arg:"" optional:"" help:"Files on this machine, as TABLE[/SPLIT]=FILE."`
	From       string   `help:"s3://STORE/BUCKET/PREFIX/ with the shards of one table, or https://… of a file of the web, such as an openly licensed dataset that is harvested has." placeholder:"URL"`
	SHA256     string   `name:"sha256" help:"Of the file of the web: no other is taken." placeholder:"HEX"`
	File       string   `help:"YAML or JSON publication (docs/examples.md): several tables and splits." type:"existingfile" placeholder:"FILE"`
	Version    string   `help:"Name of the version; today when left out." placeholder:"NAME"`
	Table      string   `help:"Name of the table, with --from." default:"data"`
	Base       string   `help:"A published version to keep and add to." placeholder:"NAME"`
	ShowValues []string `help:"Show whoever sees the dataset how the values of this column are distributed; * is all that may be shown." placeholder:"TABLE/COLUMN"`
	Objects    bool     `help:"Publish the files as they are, such as images: nothing is read as rows."`
	NoWait     bool     `help:"Do not wait until it is published."`
	DryRun     bool     `help:"Read everything and show the report; publish nothing."`
}

// Run publishes and waits.
func (v publishCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	p, err := v.publication()
	if err != nil {
		return err
	}
	uploads, err := files.FindUploads(v.Files)
	if err != nil {
		return err
	}
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	if webfile.Is(v.From) {
		v.Dataset, err = webfile.Take(ctx, t, c, v.Dataset, webfile.File{URL: v.From, Table: v.Table, SHA256: v.SHA256}, &p)
	} else {
		err = files.Send(ctx, t, c, v.Dataset, uploads, &p)
	}
	if err != nil {
		return err
	}
	var s schemas.VersionSummary
	for i := range p.Tables {
		p.Tables[i].Objects = p.Tables[i].Objects || v.Objects
	}
	err = c.Post(ctx, "/datasets/"+v.Dataset+"/versions", p, &s)
	if err != nil {
		return err
	}
	if !v.NoWait {
		version := s.Version
		bar := terminal.NewProgress(t, "reading shards")
		s, err = c.WaitPublished(ctx, schemas.DatasetID(v.Dataset), s.Version, func(s schemas.VersionSummary) {
			if s.Waiting != nil {
				bar.Waiting(
					&schemas.Error{
						Message: s.Waiting.Why + "; it is tried again (guichet withdraw " + v.Dataset + " " + string(s.Version) + " gives it up)",
					},
				)
				return
			}
			bar.Set(int64(s.ShardsDone), int64(s.Shards))
		})
		bar.Done()
		if errors.Is(err, context.Canceled) {
			return &schemas.Error{
				Kind:    schemas.Unavailable,
				Subject: string(version),
				Message: fmt.Sprintf("nobody waits any more; the gateway goes on with version %s", version),
				Remedy:  fmt.Sprintf("guichet versions %[1]s %[2]s says where it stands, guichet withdraw %[1]s %[2]s gives it up", v.Dataset, version),
			}
		}
		if e, ok := errors.AsType[*schemas.Error](err); ok {
			files.AsGiven(uploads, e.Fields)
		}
		if err != nil {
			return err
		}
	}
	files.AsGiven(uploads, s.Notes)
	if t.JSON {
		return t.Print(s)
	}
	end := ""
	if s.State == schemas.VersionTried {
		end = "; nothing is published"
	}
	fmt.Fprintf(t.Out, "version %s is %s: %s, %s, %s, %s%s\n", s.Version, s.State,
		terminal.Plural(s.Tables, "table", "tables"), terminal.Plural(s.Shards, "shard", "shards"),
		terminal.Plural(s.Rows, "row", "rows"), terminal.Size(s.Bytes), end)
	for _, n := range s.Notes {
		fmt.Fprintf(t.Out, "  %s: %s\n", n.Pointer, n.Message)
	}
	return nil
}

// publication makes a publication of the flags, or reads it from a file; files of this
// machine are named when they have been sent.
func (v publishCmd) publication() (schemas.Publication, error) {
	var p schemas.Publication
	switch {
	case len(v.Files) > 0 && v.From+v.File != "" || v.From != "" && v.File != "":
		return p, schemas.BadField("publication", "--from", "give one of --from, --file and TABLE=FILE")
	case len(v.Files) > 0:
		p.Uploaded = true
	case v.File != "":
		err := files.ReadDocument(v.File, &p)
		if err != nil {
			return p, err
		}
	case webfile.Is(v.From):
	case strings.HasPrefix(v.From, "s3://"):
		parts := strings.SplitN(strings.TrimPrefix(v.From, "s3://"), "/", 3)
		if len(parts) < 3 {
			return p, schemas.BadField("publication", "--from", "write it like s3://STORE/BUCKET/PREFIX/")
		}
		p.Store, p.Bucket = schemas.StoreID(parts[0]), parts[1]
		split := schemas.PublicationSplit{Prefix: parts[2]}
		if !strings.HasSuffix(parts[2], "/") {
			split = schemas.PublicationSplit{Keys: []string{parts[2]}}
		}
		p.Tables = []schemas.PublicationTable{{Name: v.Table, Splits: []schemas.PublicationSplit{split}}}
	default:
		return p, schemas.BadField("publication", "--from",
			"say where the shards are: --from s3://STORE/BUCKET/PREFIX/, --file PUBLICATION, or TABLE=FILE of this machine")
	}
	if v.Version != "" {
		p.Version = schemas.VersionID(v.Version)
	}
	p.DryRun = p.DryRun || v.DryRun
	if v.Base != "" {
		p.Base = schemas.VersionID(v.Base)
	}
	p.Distributions = append(p.Distributions, v.ShowValues...)
	return p, nil
}

// offerCmd sets terms by a template, or by a file with rules.
type offerCmd struct {
	Dataset     string   `arg:"" help:"Id of the dataset."`
	Template    string   `help:"open-with-attribution, research-only, non-commercial, research-and-development, ask-the-holder or health-with-review." placeholder:"NAME"`
	File        string   `help:"Offer: YAML (docs/examples.md), JSON, or ODRL in JSON-LD." type:"existingfile" placeholder:"FILE"`
	Attribution string   `help:"Words to give with the data; the dataset's when left out."`
	Hide        []string `help:"Columns never shown." placeholder:"COLUMN"`
	Rows        int64    `help:"Budget of each project, in rows."`
	Review      bool     `help:"You look at each request, whatever the template."`
	Stage       bool     `help:"Jobs may keep the data as an encrypted copy that opens by lease; open-with-attribution permits it by itself."`
	Direct      bool     `help:"Jobs may read ranges of bytes by URL, straight from S3, where the site does that."`
	Try         bool     `help:"Set nothing: say who could use it under these terms, by purpose and kind of organisation."`
	Factory     string   `help:"With --try: at this factory." placeholder:"ID"`
	Country     string   `help:"With --try: asked from this country." placeholder:"CODE"`
	Call        string   `help:"With --try: by projects under this call." placeholder:"ID"`
}

// Run sets the terms.
func (v offerCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	var body any = map[string]any{"template": v.Template, "attribution": v.Attribution, "hide": v.Hide, "rows": v.Rows, "review": v.Review,
		"stage": v.Stage, "direct": v.Direct}
	if v.File != "" {
		o, err := files.ReadBody(v.File)
		if err != nil {
			return err
		}
		body = o
	} else if v.Template == "" {
		return schemas.BadField("offer", "--template", "give a template or a file")
	}
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	if v.Try {
		return v.try(ctx, t, c, body)
	}
	var d schemas.Dataset
	err = c.Do(ctx, http.MethodPut, "/datasets/"+v.Dataset+"/offer", body, &d)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(d)
	}
	fmt.Fprintf(t.Out, "the terms of %s are set: %s; they bind new agreements\n", d.ID, terminal.Plural(len(d.Offer.Rules), "rule", "rules"))
	printRemarks(t, d.Notes)
	return nil
}

// try says who could use the dataset under terms that are not set.
func (v offerCmd) try(ctx context.Context, t *terminal.Terminal, c *client.Client, body any) error {
	var tried tries.Tried
	at := "/datasets/" + v.Dataset + "/offer/trial" + client.Query("factory", v.Factory, "country", v.Country, "call", v.Call)
	err := c.Post(ctx, at, body, &tried)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(tried)
	}
	err = terminal.List(t, tried.Tries, "PURPOSE\tASKED BY\tVERDICT\tWHY", func(x tries.Try) []string {
		why := ""
		if len(x.Reasons) > 0 {
			why = x.Reasons[0].Text
		}
		return []string{x.Purpose, string(x.Kind), string(x.Verdict), why}
	})
	printRemarks(t, tried.Notes)
	return err
}

// printRemarks prints what an answer says beside itself.
func printRemarks(t *terminal.Terminal, notes []string) {
	for _, n := range notes {
		fmt.Fprintf(t.Out, "note: %s\n", n)
	}
}

// withdrawCmd takes away; it works whatever the record looks like.
type withdrawCmd struct {
	Dataset string `arg:"" help:"Id of the dataset, or of a request that waits."`
	Name    string `arg:"" optional:"" name:"version" help:"Only this version; of one that is being published, the publication ends."`
	Revoke  bool   `help:"Revoke active agreements too."`
}

// Run withdraws.
func (v withdrawCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	t.Brakes = true
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	if strings.HasPrefix(v.Dataset, "req-") {
		var r schemas.Request
		err := c.Post(ctx, "/requests/"+url.PathEscape(v.Dataset)+"/withdraw", nil, &r)
		if err == nil && t.JSON {
			return t.Print(r)
		}
		if err == nil {
			printRequest(t, &r)
		}
		return err
	}
	path := "/datasets/" + url.PathEscape(v.Dataset)
	if v.Name != "" {
		path += "/versions/" + url.PathEscape(v.Name)
	}
	if v.Revoke {
		path += "?revoke=true"
	}
	if v.Name != "" {
		return v.version(ctx, t, c, path)
	}
	var d schemas.Dataset
	err = c.Do(ctx, http.MethodDelete, path, nil, &d)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(d)
	}
	fmt.Fprintf(t.Out, "%s is withdrawn\n", d.ID)
	return nil
}

// version takes one version back.
func (v withdrawCmd) version(ctx context.Context, t *terminal.Terminal, c *client.Client, path string) error {
	var s schemas.VersionSummary
	err := c.Do(ctx, http.MethodDelete, path, nil, &s)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(s)
	}
	if s.State == schemas.VersionFailed {
		fmt.Fprintf(t.Out, "the publication of version %s is given up\n", s.Version)
		return nil
	}
	fmt.Fprintf(t.Out, "version %s is withdrawn; other versions stand\n", s.Version)
	return nil
}

// explainCmd asks without asking for anything: a dry run of a request.
type explainCmd struct {
	Datasets []string `arg:"" help:"Ids of datasets."`
	Project  string   `help:"For this project." placeholder:"ID"`
	Purpose  string   `help:"For this purpose; the project's when it has one only." placeholder:"ID"`
	Factory  string   `help:"At this factory; the project's when left out." placeholder:"ID"`
	Action   string   `help:"use, read or train; what the purpose does with data when left out." placeholder:"ACTION"`
}

// Run explains.
func (v explainCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	out := map[string]schemas.Decision{}
	for _, id := range v.Datasets {
		var d schemas.Decision
		err := c.Post(
			ctx,
			"/decisions",
			schemas.Ask{
				Dataset: schemas.DatasetID(id),
				Project: schemas.ProjectID(v.Project),
				Purpose: v.Purpose,
				Factory: schemas.FactoryID(v.Factory),
				Action:  v.Action,
			},
			&d,
		)
		if err != nil {
			return err
		}
		out[id] = d
		if !t.JSON {
			fmt.Fprintf(t.Out, "%s: %s", id, terminal.Decided(&d))
		}
	}
	if t.JSON {
		return t.Print(out)
	}
	return nil
}

// changeCmd replaces a description as a whole: what the file leaves out is gone.
type changeCmd struct {
	Dataset  string `arg:"" help:"Id of the dataset."`
	File     string `arg:"" help:"The whole new description: YAML, JSON, or DCAT-AP in JSON-LD, Turtle or RDF/XML." type:"existingfile"`
	Country  string `help:"The countries that the data is about, for files that name none." placeholder:"CODES"`
	Revision int64  `help:"Change it if it is at this revision; the file's own when left out, else the newest." placeholder:"REVISION"`
}

// Run replaces the description of a dataset. Offer and versions stay.
func (v changeCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	body, d, err := datasetFile(v.File)
	if err != nil {
		return err
	}
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	revision := v.Revision
	if revision == 0 {
		revision = d.Revision // of guichet show --json, edited
	}
	if revision == 0 {
		var have schemas.Dataset
		err = c.Get(ctx, "/datasets/"+v.Dataset, &have)
		if err != nil {
			return err
		}
		revision = have.Revision
	}
	var out schemas.Dataset
	at := "/datasets/" + v.Dataset + client.Query("country", v.Country)
	err = about(v.File, c.Do(ctx, http.MethodPut, at, body, &out, client.IfMatch(revision)))
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(out)
	}
	done := "is changed"
	if out.Revision == revision {
		done = "stays as it is"
	}
	fmt.Fprintf(t.Out, "%s %s: revision %d\n", out.ID, done, out.Revision)
	printRemarks(t, out.Notes)
	terminal.Profiles(t, &out, false)
	return nil
}
