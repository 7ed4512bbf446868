package main

import (
	"context"
	"fmt"
	"strings"

	"guichet/cmd/guichet/files"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/schemas"
)

// participantCmd keeps organisations: who they are, in which roles, and who acts for
// them.
type participantCmd struct {
	Add  participantAdd  `cmd:"" help:"Add one, or change one with --replace."`
	List participantList `cmd:"" help:"List them."`
}

// projectCmd keeps projects: who asks for data, for which purposes, where it is used.
type projectCmd struct {
	Add  projectAdd  `cmd:"" help:"Add one, or change one with --replace."`
	List projectList `cmd:"" help:"List those I take part in."`
}

// factoryCmd keeps AI factories and how their networks are proven.
type factoryCmd struct {
	Add  factoryAdd  `cmd:"" help:"Add one, or change one with --replace."`
	List factoryList `cmd:"" help:"List them."`
}

// storeCmd keeps stores, and who may name what in them.
type storeCmd struct {
	Add  storeAdd  `cmd:"" help:"Add one, or change one with --replace."`
	List storeList `cmd:"" help:"List them."`
}

// document is the part of every add.
type document struct {
	File    string `arg:"" help:"YAML or JSON file; docs/examples.md has one of each." type:"existingfile"`
	Replace int64  `help:"Change the stored one, if it is at this revision." placeholder:"REVISION"`
}

type (
	participantAdd struct{ document }
	projectAdd     struct{ document }
	factoryAdd     struct{ document }
	storeAdd       struct {
		document
		Own       bool `help:"You answer for the store's bytes: they are not compared with their checksums while they pass."`
		Unchecked bool `help:"Register it although it does not answer yet, or lacks a bucket."`
	}
	participantList struct{}
	projectList     struct{}
	factoryList     struct{}
	storeList       struct{}
)

// addNoun sends a noun from a file. changes are what the flags say in place of the file.
func addNoun[T any](ctx context.Context, t *terminal.Terminal, g *grammar, d document, path string, changes ...func(*T)) error {
	var v, out T
	err := files.ReadDocument(d.File, &v)
	if err != nil {
		return err
	}
	for _, change := range changes {
		change(&v)
	}
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	var options []client.Option
	if d.Replace > 0 {
		options = append(options, client.IfMatch(d.Replace))
	}
	err = c.Post(ctx, path, v, &out, options...)
	if err != nil {
		return err
	}
	return t.Print(out)
}

// listNouns lists nouns to their end, page by page.
func listNouns[T any](ctx context.Context, t *terminal.Terminal, g *grammar, path, head string, row func(T) []string) error {
	c, err := g.client(ctx)
	if err != nil {
		return err
	}
	items, err := client.All[T](ctx, c, path)
	if err != nil {
		return err
	}
	return terminal.List(t, items, head, row)
}

// Run adds a participant.
func (v participantAdd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	return addNoun[schemas.Participant](ctx, t, g, v.document, "/participants")
}

// Run adds a project.
func (v projectAdd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	return addNoun[schemas.Project](ctx, t, g, v.document, "/projects")
}

// Run adds a factory.
func (v factoryAdd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	return addNoun[schemas.Factory](ctx, t, g, v.document, "/factories")
}

// Run adds a store.
func (v storeAdd) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	path := "/stores"
	if v.Unchecked {
		path += "?unchecked=true"
	}
	return addNoun(ctx, t, g, v.document, path, func(s *schemas.Store) { s.Own = s.Own || v.Own })
}

// Run lists participants.
func (participantList) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	return listNouns(ctx, t, g, "/participants", "ID\tNAME\tCOUNTRY\tKIND\tROLES\tSTOPPED", func(p schemas.Participant) []string {
		roles := make([]string, len(p.Roles))
		for i, r := range p.Roles {
			roles[i] = string(r)
		}
		stop := ""
		if p.Stopped {
			stop = strings.TrimSpace(fmt.Sprintf("%s by %s: %s", terminal.When(p.StopAt), p.StopBy, p.StopFor))
		}
		return []string{string(p.ID), p.Name, p.Country, string(p.Kind), strings.Join(roles, ","), stop}
	})
}

// Run lists projects.
func (projectList) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	return listNouns(ctx, t, g, "/projects", "ID\tTITLE\tLEAD\tFACTORY\tPURPOSES", func(p schemas.Project) []string {
		return []string{string(p.ID), p.Title, string(p.Lead), string(p.Factory), strings.Join(p.Purposes, ",")}
	})
}

// Run lists factories.
func (factoryList) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	return listNouns(ctx, t, g, "/factories", "ID\tNAME\tCOUNTRY\tEGRESS", func(f schemas.Factory) []string {
		networks := strings.Join(f.Egress, ",")
		if networks == "" && f.Proven {
			networks = "(not shown)"
		}
		return []string{string(f.ID), f.Name, f.Country, networks}
	})
}

// Run lists stores.
func (storeList) Run(ctx context.Context, t *terminal.Terminal, g *grammar) error {
	return listNouns(ctx, t, g, "/stores", "ID\tENDPOINT\tPREFIXES", func(s schemas.Store) []string {
		p := make([]string, len(s.Prefixes))
		for i, x := range s.Prefixes {
			p[i] = string(x.Participant) + "=" + x.Bucket + "/" + x.Prefix
		}
		return []string{string(s.ID), s.Endpoint, strings.Join(p, " ")}
	})
}
