package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"guichet/cmd/guichet/args"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/connectors/staged"
	"guichet/schemas"
)

// stageCmd keeps an agreement's data in a folder.
type stageCmd struct {
	Agreement string    `arg:"" help:"Id of the agreement."`
	Dir       string    `arg:"" help:"A folder that is empty or not there, or one in which this has begun before." type:"path"`
	For       args.Span `help:"For how long it is open at first, 24h at most; an hour when left out." placeholder:"TIME"`
	shown
}

// Run makes the copy, or goes on with one, and opens it.
func (v stageCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	kept, err := v.begin(ctx, c)
	if err != nil {
		return err
	}
	defer kept.Close()
	bar := terminal.NewProgress(t, "bytes")
	item := kept.Of()
	err = kept.Fill(ctx, c.Files(client.FilesOf{Agreement: item.Agreement, Version: item.Version, Copy: kept.ID()}), bar.Set)
	bar.Done()
	if err != nil {
		return err
	}
	open, err := kept.Renew(ctx, c, time.Duration(v.For))
	if err != nil {
		return err
	}
	files, bytes, _ := kept.Size()
	if t.JSON {
		return t.Print(map[string]any{
			"copy": kept.ID(), "folder": v.Dir, "files": files, "bytes": bytes, "open_until": open.Until, "ends_at": open.EndsAt,
		})
	}
	fmt.Fprintf(t.Out, "%s, %s in %s as %s, encrypted; open until %s\n", terminal.Plural(files, "file", "files"), terminal.Size(bytes), v.Dir,
		kept.ID(), terminal.When(open.Until))
	fmt.Fprintf(t.Out, "in the job:      guichet exec %[1]s -- python train.py\nkeep it open:    guichet renew %[1]s --keep\n"+
		"when it is over: guichet unstage %[1]s\n", v.Dir)
	return nil
}

// begin finds the copy that a folder has, or makes one.
func (v stageCmd) begin(ctx context.Context, c *client.Client) (*staged.Copy, error) {
	if time.Duration(v.For) > 24*time.Hour { // the gateway says so too, when all has been fetched
		return nil, schemas.BadField("copy", "--for", "a staged copy is open for at most 24 hours at a time")
	}
	if staged.IsCopy(v.Dir) {
		kept, err := staged.Open(v.Dir)
		if err == nil && string(kept.Of().Agreement) != v.Agreement {
			_ = kept.Close()
			err = schemas.BadField("copy", "DIR", "%s has a copy of %s: name another folder", v.Dir, kept.Of().Agreement)
		}
		if err == nil && !v.in(kept.Of()) {
			_ = kept.Close()
			err = schemas.BadField("copy", "DIR",
				"%s has a copy of another version, table or other columns: leave them out to go on with it, or name another folder", v.Dir)
		}
		return kept, err
	}
	err := staged.Free(v.Dir)
	if err != nil {
		return nil, err
	}
	where := []rune(v.Dir)
	ask := schemas.CopyAsk{Agreement: schemas.AgreementID(v.Agreement), Version: schemas.VersionID(v.Version), Table: v.Table,
		Run: schemas.RunID(v.RunID), Name: string(where[max(0, len(where)-mostName):])}
	if v.Columns != "" {
		ask.Columns = strings.Split(string(v.Columns), ",")
	}
	var made schemas.CopyAnswer
	err = c.Post(ctx, "/copies", ask, &made)
	if err != nil {
		return nil, err
	}
	return staged.Make(v.Dir, c.Address(), made)
}

// mostName is the longest name of a copy: of a longer path its end says more.
const mostName = 200

// in says whether a copy of item is what is asked for.
func (v shown) in(item schemas.LeaseItem) bool {
	return (v.Version == "" || v.Version == string(item.Version)) && (v.Table == "" || v.Table == item.Table) &&
		(v.Columns == "" || string(v.Columns) == strings.Join(item.Columns, ","))
}

// renewCmd opens a staged copy again.
type renewCmd struct {
	Dir  string    `arg:"" help:"Folder of the copy." type:"existingdir"`
	For  args.Span `help:"For how long, 24h at most; an hour when left out." placeholder:"TIME"`
	Keep bool      `help:"Go on renewing until Ctrl-C: where the gateway can be reached, while jobs run."`
}

// Run hands back what was read, and opens.
func (v renewCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	kept, c, err := g.copyIn(ctx, v.Dir)
	if err != nil {
		return err
	}
	defer kept.Close()
	told := func(open schemas.OpenAnswer, err error) {
		switch {
		case schemas.KindOf(err) == schemas.Unavailable || schemas.KindOf(err) == schemas.Busy: // it is tried again
			fmt.Fprintln(t.Err, "guichet:", seenLines(err.Error()))
		case err == nil && t.JSON:
			_ = t.Print(map[string]any{"copy": kept.ID(), "open_until": open.Until, "ends_at": open.EndsAt}) // a terminal that is gone
		case err == nil:
			fmt.Fprintf(t.Out, "%s is open until %s; it ends on %s\n", kept.ID(), terminal.When(open.Until), terminal.When(open.EndsAt))
		}
	}
	if v.Keep {
		return kept.Keep(ctx, c, time.Duration(v.For), told)
	}
	open, err := kept.Renew(ctx, c, time.Duration(v.For))
	if err == nil {
		told(open, nil)
	}
	return err
}

// copyIn opens the copy in a folder, with a client of its gateway. No token goes where a folder
// alone says.
func (g *grammar) copyIn(ctx context.Context, dir string) (*staged.Copy, *client.Client, error) {
	kept, err := staged.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	c, err := g.client(ctx)
	if err == nil && g.Server == "" && g.JobKey == "" && c.Address() != kept.Server() { // the folder may be of anybody
		err = &schemas.Error{Kind: schemas.Invalid, Subject: dir,
			Message: fmt.Sprintf("the copy in %s came from %s, and you are signed in at %s", dir, seenLines(kept.Server()), c.Address()),
			Remedy:  "where you know that gateway, name it: --server " + seenLines(kept.Server())}
	}
	if err != nil {
		return nil, nil, errors.Join(err, kept.Close())
	}
	return kept, c, nil
}

// unstageCmd ends a staged copy.
type unstageCmd struct {
	Dir string `arg:"" help:"Folder of the copy." type:"existingdir"`
}

// Run ends it.
func (v unstageCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	kept, c, err := g.copyIn(ctx, v.Dir)
	if err != nil {
		return err
	}
	reads, err := kept.End(ctx, c)
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(map[string]any{"copy": kept.ID(), "reads": reads})
	}
	fmt.Fprintf(t.Out, "%s is removed and its key destroyed; %s were read of it\n", kept.ID(), terminal.Plural(reads.Rows, "row", "rows"))
	return nil
}

// copiesCmd lists staged copies.
type copiesCmd struct{}

// Run lists.
func (copiesCmd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	c, err := g.person(ctx)
	if err != nil {
		return err
	}
	list, err := client.All[schemas.Lease](ctx, c, "/copies")
	if err != nil {
		return err
	}
	return terminal.ListOr(t, list, "no staged copy", "COPY\tAGREEMENT\tVERSION\tOF\tWHERE\tROWS READ\tUNTIL", func(l schemas.Lease) []string {
		until, read := terminal.When(l.Until), "0"
		if !l.Revoked.IsZero() {
			until = "ended: " + l.Reason
		}
		if l.Reads != nil {
			read = terminal.Count(l.Reads.Rows)
		}
		return []string{string(l.ID), string(l.Items[0].Agreement), string(l.Items[0].Version), string(l.Participant), l.Name, read, until}
	})
}
