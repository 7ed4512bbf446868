// Package duplicates is the command line's words on datasets that are the same in several catalogues.
//
// In: what somebody typed. Out: groups and their evidence shown, two datasets said to be apart. Always: what
// is told are the gateway's own words. It must not know how duplicates are found.
package duplicates

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"guichet/catalog/duplicates"
	"guichet/cmd/guichet/session"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/schemas"
)

// Cmd shows datasets that are the same data, and takes a person's word that they are not.
type Cmd struct {
	List     listCmd     `cmd:"" help:"List them, by groups."`
	Show     showCmd     `cmd:"" help:"Show which are the same as one, and why."`
	Apart    apartCmd    `cmd:"" help:"Say that two are not the same data; they are shown as one no more."`
	Together togetherCmd `cmd:"" help:"Take that back; an operator does so for whoever said it."`
}

type (
	listCmd struct{}
	showCmd struct {
		Dataset string `arg:"" help:"Id of the dataset."`
	}
	apartCmd struct {
		Dataset string `arg:"" help:"Id of a dataset."`
		Other   string `arg:"" help:"Id of one that is shown as the same."`
	}
	togetherCmd apartCmd
)

// Run lists groups.
func (listCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	groups, err := client.All[duplicates.Twins](ctx, c, "/duplicates")
	if err != nil {
		return err
	}
	if t.JSON {
		return t.Print(groups)
	}
	type row struct {
		group string
		duplicates.Other
	}
	var rows []row
	for _, g := range groups {
		for _, o := range g.Items {
			rows = append(rows, row{g.ID, o})
		}
	}
	return terminal.ListOr(t, rows, "no dataset here is the same as another", "THE SAME AS\tID\tOF\tPUBLISHER\tADDRESS\tTITLE",
		func(r row) []string {
			return []string{
				r.group, string(r.ID), of(&r.Origin), schemas.Visible(r.Publisher), schemas.Visible(r.Address),
				schemas.Visible(terminal.Title(r.Title)),
			}
		})
}

// of says who brought a dataset.
func of(o *schemas.Origin) string {
	if o.Source != "" {
		return "source " + string(o.Source)
	}
	return string(o.Provider)
}

// Run shows which datasets are the same as one.
func (v showCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	same, err := Of(ctx, c, v.Dataset)
	if err != nil {
		return err
	}
	return show(t, &same)
}

// Of asks which datasets are the same as one.
func Of(ctx context.Context, c *client.Client, id string) (same duplicates.Same, err error) {
	return same, c.Get(ctx, "/datasets/"+url.PathEscape(id)+"/duplicates", &same)
}

func show(t *terminal.Terminal, same *duplicates.Same) error {
	if t.JSON {
		return t.Print(same)
	}
	if len(same.Items) == 0 {
		fmt.Fprintf(t.Out, "no dataset is known as the same data as %s\n", same.Dataset)
	}
	Tell(t, same, true)
	if len(same.Items) > 0 {
		fmt.Fprintf(t.Out, "if one is other data: guichet duplicates apart %s ID\n", same.Dataset)
	}
	return nil
}

// Tell prints which datasets are the same, and with why the evidence too.
func Tell(t *terminal.Terminal, same *duplicates.Same, why bool) {
	for i := range same.Items {
		o := &same.Items[i]
		words := []string{string(o.ID), of(&o.Origin)}
		for _, s := range []string{o.Publisher, o.Address} {
			if s != "" {
				words = append(words, schemas.Visible(s))
			}
		}
		fmt.Fprintf(t.Out, "the same data: %s\n", strings.Join(words, " · "))
		if !why {
			continue
		}
		for _, s := range o.Why {
			fmt.Fprintf(t.Out, "    %s\n", schemas.Visible(s))
		}
		if o.Through != "" {
			fmt.Fprintf(t.Out, "    this is about it and %s, which is the same data too\n", o.Through)
		}
	}
	if !why {
		return
	}
	for i := range same.Apart {
		o := &same.Apart[i]
		for _, w := range o.Apart {
			fmt.Fprintf(t.Out, "other data: %s · %s, says %s on %s\n", o.ID, schemas.Visible(terminal.Title(o.Title)), w.By, terminal.When(w.At))
		}
	}
	if same.Note != "" {
		fmt.Fprintln(t.Out, same.Note)
	}
}

// Run says that two are apart.
func (v apartCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	return v.say(ctx, t, open, http.MethodPut)
}

// Run takes it back.
func (v togetherCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	return apartCmd(v).say(ctx, t, open, http.MethodDelete)
}

func (v apartCmd) say(ctx context.Context, t *terminal.Terminal, open session.Opener, method string) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	var same duplicates.Same
	err = c.Do(ctx, method, "/datasets/"+url.PathEscape(v.Dataset)+"/apart/"+url.PathEscape(v.Other), nil, &same)
	if err != nil {
		return err
	}
	err = show(t, &same)
	if err == nil && method == http.MethodPut && !t.JSON {
		fmt.Fprintf(t.Out, "they are shown apart from now on; guichet duplicates together %s %s takes it back\n", v.Dataset, v.Other)
	}
	return err
}
