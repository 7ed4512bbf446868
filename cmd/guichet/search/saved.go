package search

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"guichet/catalog/saved"
	"guichet/cmd/guichet/session"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/schemas"
)

// SavedCmd tells what changed in searches that were saved, opens one, or forgets it.
type SavedCmd struct {
	Name   string `arg:"" optional:"" help:"Open this one: show its hits, what changed last first."`
	Remove bool   `help:"Forget it."`
}

// Run lists searches, or opens or removes one.
func (v SavedCmd) Run(ctx context.Context, t *terminal.Terminal, open session.Opener) error {
	c, err := open(ctx)
	if err != nil {
		return err
	}
	all, err := client.All[saved.Search](ctx, c, "/searches")
	if err != nil {
		return err
	}
	find := func(query string) (schemas.Found, error) { return c.Search(ctx, "?"+strings.TrimPrefix(query, "?")) }
	if v.Name != "" {
		return v.one(ctx, t, c, all, find)
	}
	counted := make([]saved.Counted, len(all))
	for i, s := range all {
		counted[i], err = saved.Count(s, find)
		if err != nil {
			return err
		}
	}
	const none, head = "no search is saved; guichet search … --save NAME keeps one", "NAME\tDATASETS\tTHEN\tCHANGED SINCE\tLOOKED\tSEARCH"
	err = terminal.ListOr(t, counted, none, head,
		func(s saved.Counted) []string {
			changed := strconv.Itoa(s.Changed)
			if s.More {
				changed += " or more"
			}
			if s.Why != "" {
				changed = schemas.Visible(s.Why)
			}
			return []string{schemas.Visible(s.Name), terminal.Count(int64(s.Now)), terminal.Count(int64(s.Total)), changed,
				terminal.When(s.Looked), schemas.Visible(s.Query)}
		})
	if err == nil && !t.JSON && len(all) > 0 {
		fmt.Fprintln(t.Out, "changed: as providers say or as is known here; one that is new with an old date is in the number of datasets alone")
	}
	return err
}

// one opens or forgets a search.
func (v SavedCmd) one(
	ctx context.Context, t *terminal.Terminal, c *client.Client, all []saved.Search, find func(string) (schemas.Found, error),
) error {
	for _, s := range all {
		if s.Name != v.Name {
			continue
		}
		at := "/searches/" + url.PathEscape(s.ID)
		if v.Remove {
			err := c.Do(ctx, http.MethodDelete, at, nil, nil)
			if err != nil {
				return err
			}
			if t.JSON {
				return t.Print(s)
			}
			fmt.Fprintf(t.Out, "%s is kept no more\n", schemas.Visible(s.Name))
			return nil
		}
		q, err := url.ParseQuery(s.Query)
		if err != nil {
			return fmt.Errorf("read the search: %w", err)
		}
		q.Set("sort", "modified")
		found, err := find(q.Encode())
		if err == nil {
			err = c.Post(ctx, at+"/look", map[string]uint64{"total": found.Total}, nil)
		}
		if err != nil {
			return err
		}
		if t.JSON {
			return t.Print(found)
		}
		return Cmd{Words: strings.Fields(q.Get("q"))}.show(t, &found, true)
	}
	return schemas.BadField("search", "NAME", "you saved no search %q; guichet searches lists them", v.Name)
}
