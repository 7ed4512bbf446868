package harvest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"guichet/connectors/db"
	"guichet/connectors/dcatap"
	"guichet/connectors/rdf"
	"guichet/schemas"
)

// Change is that an entity of a source was made, changed or removed: a dataset, or what datasets
// name, such as a distribution or a publisher. Nodes describe it as it is now.
type Change struct {
	IRI   string
	Gone  bool
	At    time.Time // 0001 where it is not said
	Nodes []rdf.Node
}

// Bounds of what is kept of a feed.
const (
	maxReferences = 16_384 // of one entity to others
	maxParts      = 16_384 // entities that a dataset is put together from
)

// takeChanges takes over the changes of a page: first what is said of each entity, then every
// dataset that one of them is part of, as it is put together now. Done twice, it comes to the
// same.
func (h *Harvester) takeChanges(ctx context.Context, s *Catalogue, changes []Change) (c Counts, err error) {
	faulty := []Record{}
	for from := 0; from < len(changes); from += atATime {
		part := changes[from:min(from+atATime, len(changes))]
		var refused []Record
		err := h.DB.WriteBulk(ctx, func(ctx context.Context, tx *db.Tx) error {
			refused = nil
			for i := range part {
				said, err := entity(&part[i])
				if err == nil {
					err = keep(ctx, tx, s, &part[i], said)
				} else if k := schemas.KindOf(err); k == schemas.Invalid || k == schemas.TooLarge {
					refused, err = append(refused, Record{IRI: part[i].IRI, Err: err}), nil
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return c, err
		}
		faulty = append(faulty, refused...)
	}
	c, err = h.take(ctx, s, faulty, true)
	if err != nil {
		return c, err
	}
	touched, err := h.touched(ctx, s, changes)
	if err != nil {
		return c, err
	}
	for part := range slices.Chunk(touched, atATime) {
		var records []Record
		for _, iri := range part {
			r, is, err := h.composed(ctx, s, iri)
			if err != nil {
				return c, err
			}
			if is {
				records = append(records, r)
			}
		}
		done, err := h.take(ctx, s, records, true)
		if err != nil {
			return c, err
		}
		c.add(done)
	}
	return c, nil
}

// entity is what is kept of a change: its nodes, with blank nodes under names that are nobody
// else's, and the IRIs that they name. Errors: Invalid, TooLarge.
func entity(c *Change) (said keepable, err error) {
	if c.IRI == "" || len(c.IRI) > maxKey || storable(c.IRI) == "" || strings.HasPrefix(c.IRI, "_:") {
		return said, schemas.Errorf(schemas.Invalid, c.IRI, "the change names no entity by an IRI of at most %d bytes", maxKey)
	}
	if c.Gone {
		return said, nil
	}
	if len(c.Nodes) == 0 {
		return said, schemas.Errorf(schemas.Invalid, c.IRI, "the change says nothing of the entity: its graph is empty")
	}
	sum := sha256.Sum256([]byte(c.IRI))
	names := map[string]bool{}
	nodes := named(c.Nodes, "_:"+hex.EncodeToString(sum[:8])+"-", names)
	delete(names, c.IRI)
	b, err := json.Marshal(nodes)
	if err != nil {
		return said, fmt.Errorf("keep an entity: %w", err)
	}
	if len(b) > maxRecord || len(names) > maxReferences {
		return said, schemas.Errorf(schemas.TooLarge, c.IRI, "the entity has %d bytes and names %d others; at most %d and %d are taken over",
			len(b), len(names), maxRecord, maxReferences)
	}
	return keepable{string(b), slices.Sorted(maps.Keys(names))}, nil
}

// keepable is what is kept of an entity.
type keepable struct {
	doc        string
	references []string
}

// named gives a value with its blank nodes under names that begin with a prefix, and gathers the
// IRIs that it names.
func named(v any, prefix string, names map[string]bool) any {
	switch t := v.(type) {
	case []rdf.Node:
		out := make([]any, len(t))
		for i := range t {
			out[i] = named(t[i], prefix, names)
		}
		return out
	case []any:
		out := make([]any, len(t))
		for i := range t {
			out[i] = named(t[i], prefix, names)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(t))
		for k, item := range t {
			out[k] = named(item, prefix, names)
		}
		id, _ := t["@id"].(string)
		switch blank, is := strings.CutPrefix(id, "_:"); {
		case is:
			out["@id"] = prefix + blank
		case id != "" && len(id) <= maxKey && storable(id) != "" && !strings.HasPrefix(id, rdf.Authority):
			names[id] = true
		}
		return out
	}
	return v
}

// keep keeps what is said of an entity, unless something newer is known.
func keep(ctx context.Context, tx *db.Tx, s *Catalogue, c *Change, said keepable) error {
	at := int64(0)
	if !c.At.IsZero() {
		at = c.At.UnixMicro()
	}
	var newer int64
	err := tx.QueryRow(ctx, `SELECT count(*) FROM source_entity WHERE source = ? AND iri = ? AND at > ?`, string(s.ID), c.IRI, at).Scan(&newer)
	if err != nil || newer > 0 && at > 0 {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO source_entity (source, iri, at, doc) VALUES (?, ?, ?, ?)
		ON CONFLICT (source, iri) DO UPDATE SET at = excluded.at, doc = excluded.doc`, string(s.ID), c.IRI, at, said.doc)
	if err == nil {
		_, err = tx.Exec(ctx, `DELETE FROM source_reference WHERE source = ? AND iri = ?`, string(s.ID), c.IRI)
	}
	for _, target := range said.references {
		if err == nil {
			_, err = tx.Exec(ctx, `INSERT INTO source_reference (source, target, iri) VALUES (?, ?, ?)`, string(s.ID), target, c.IRI)
		}
	}
	if err != nil {
		return fmt.Errorf("keep an entity: %w", err)
	}
	return nil
}

// touched are the entities that changed and those that name them, over one other in between.
func (h *Harvester) touched(ctx context.Context, s *Catalogue, changes []Change) ([]string, error) {
	all := map[string]bool{}
	var found []string
	add := func(iri string) {
		if !all[iri] {
			all[iri] = true
			found = append(found, iri)
		}
	}
	for _, c := range changes {
		add(c.IRI)
	}
	first := 0
	for range 2 {
		last := len(found)
		for _, iri := range found[first:last] {
			names, err := h.strings(ctx, `SELECT iri FROM source_reference WHERE source = ? AND target = ? ORDER BY iri`, string(s.ID), iri)
			if err != nil {
				return nil, err
			}
			for _, n := range names {
				add(n)
			}
		}
		first = last
	}
	return found, nil
}

// strings are the texts that a query gives.
func (h *Harvester) strings(ctx context.Context, query string, args ...any) (out []string, err error) {
	rows, err := h.DB.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("look for entities: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var one string
		err = errors.Join(err, rows.Scan(&one))
		out = append(out, one)
	}
	return out, errors.Join(err, rows.Err())
}

// composed is the record of a dataset, put together from its entity, those that it names and
// those that these name; false for what is no dataset.
func (h *Harvester) composed(ctx context.Context, s *Catalogue, iri string) (r Record, is bool, err error) {
	doc, known, err := h.said(ctx, s, iri)
	if err != nil || !known {
		return r, false, err
	}
	if doc == "" {
		return Record{IRI: iri, Gone: true}, true, nil
	}
	graph := &rdf.Document{}
	seen, parts := map[string]bool{iri: true}, []string{iri}
	for level := 0; ; level++ {
		var next []string
		for _, part := range parts {
			text, known, err := h.said(ctx, s, part)
			if err != nil {
				return r, false, err
			}
			if !known || text == "" {
				continue
			}
			var nodes []rdf.Node
			err = json.Unmarshal([]byte(text), &nodes)
			if err != nil {
				return r, false, fmt.Errorf("read the entity %s: %w", part, err)
			}
			graph.Nodes = append(graph.Nodes, nodes...)
			if level == 2 {
				continue
			}
			names, err := h.strings(ctx, `SELECT target FROM source_reference r WHERE source = ? AND iri = ?
				AND EXISTS (SELECT 1 FROM source_entity e WHERE e.source = r.source AND e.iri = r.target) ORDER BY target`, string(s.ID), part)
			if err != nil {
				return r, false, err
			}
			for _, n := range names {
				if !seen[n] && len(seen) < maxParts {
					seen[n], next = true, append(next, n)
				}
			}
		}
		if len(next) == 0 {
			break
		}
		parts = next
	}
	items, err := dcatap.ReadNodes(graph)
	if err != nil {
		return r, false, err
	}
	for _, item := range items {
		if item.IRI == iri {
			return Record{IRI: iri, Dataset: item.Dataset, Err: item.Err}, true, nil
		}
	}
	return r, false, nil
}

// said is what is kept of an entity: "" of one that is gone.
func (h *Harvester) said(ctx context.Context, s *Catalogue, iri string) (doc string, known bool, err error) {
	err = h.DB.QueryRow(ctx, `SELECT doc FROM source_entity WHERE source = ? AND iri = ?`, string(s.ID), iri).Scan(&doc)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("look up an entity: %w", err)
	}
	return doc, true, nil
}
