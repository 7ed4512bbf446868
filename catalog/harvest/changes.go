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

	maxTogether = 2 * maxRecord // bytes of these, beyond which the dataset is set aside
)

// takeChanges takes over the changes of a page: first what is said of each entity, then every
// dataset that one of them is part of, as it is put together now. Done twice, it comes to the
// same.
func (h *Harvester) takeChanges(ctx context.Context, s *Catalogue, changes []Change) (c Counts, err error) {
	err = h.roomy(ctx, s)
	if err != nil {
		return c, err
	}
	nameless := []Record{}
	for from := 0; from < len(changes); from += atATime {
		part := changes[from:min(from+atATime, len(changes))]
		var refused []Record
		err := h.DB.WriteBulk(ctx, func(ctx context.Context, tx *db.Tx) error {
			refused = nil
			var grown counted
			var changed []string
			for i := range part {
				if !part[i].named() {
					err := schemas.Errorf(schemas.Invalid, part[i].IRI, "the change names no entity by an IRI of at most %d bytes", maxKey)
					refused = append(refused, Record{IRI: part[i].IRI, Err: err})
					continue
				}
				is, err := keep(ctx, tx, s, &part[i], h.now(), &grown)
				if err != nil {
					return err
				}
				if is || s.Health.State == Running { // read whole, all is put together anew
					changed = append(changed, part[i].IRI)
				}
			}
			return errors.Join(grown.note(ctx, tx, s), isDue(ctx, tx, s, changed, h.now().UnixMicro()))
		})
		if err != nil {
			return c, err
		}
		nameless = append(nameless, refused...)
	}
	c, err = h.take(ctx, s, nameless, true)
	if err != nil {
		return c, err
	}
	later, err := h.many(ctx, s)
	if err != nil || later {
		return c, err
	}
	err = h.spread(ctx, s)
	if err == nil {
		later, err = h.many(ctx, s)
	}
	if err != nil || later {
		return c, err
	}
	done, err := h.settle(ctx, s)
	c.add(done)
	return c, err
}

// counted is how much more of a feed is kept.
type counted struct{ entities, bytes int64 }

// note adds to what is known to be kept.
func (g counted) note(ctx context.Context, tx *db.Tx, s *Catalogue) error {
	if g == (counted{}) {
		return nil
	}
	_, err := tx.Exec(ctx, `INSERT INTO source_kept (source, entities, bytes) VALUES (?, ?, ?) ON CONFLICT (source) DO UPDATE SET
		entities = source_kept.entities + excluded.entities, bytes = source_kept.bytes + excluded.bytes`, string(s.ID), g.entities, g.bytes)
	if err != nil {
		return fmt.Errorf("count what is kept of a feed: %w", err)
	}
	return nil
}

// entity is what is kept of a change: its nodes, with blank nodes under names that are nobody
// else's, and the IRIs that they name. Errors: Invalid, TooLarge.
func entity(c *Change) (said keepable, err error) {
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

// named says whether a change names its entity so that it can be looked up.
func (c *Change) named() bool {
	return c.IRI != "" && len(c.IRI) <= maxKey && storable(c.IRI) != "" && !strings.HasPrefix(c.IRI, "_:")
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

// keep keeps what is said of an entity, or why it cannot be taken over, unless something newer is known; it says
// whether that is other than what was known. What comes from the future was published now: a clock that was
// wrong once would have nothing told of the entity any more.
func keep(ctx context.Context, tx *db.Tx, s *Catalogue, c *Change, now time.Time, grown *counted) (changed bool, err error) {
	said, err := entity(c)
	fault := ""
	switch k := schemas.KindOf(err); {
	case err == nil:
	case k == schemas.Invalid || k == schemas.TooLarge:
		fault = kept(message(err))
	default:
		return false, err
	}
	at := int64(0)
	if !c.At.IsZero() {
		at = min(c.At.UnixMicro(), now.UnixMicro())
	}
	var was struct {
		at         int64
		doc, fault string
	}
	err = tx.QueryRow(ctx, `SELECT at, doc, fault FROM source_entity WHERE source = ? AND iri = ?`, string(s.ID), c.IRI).
		Scan(&was.at, &was.doc, &was.fault)
	first := errors.Is(err, sql.ErrNoRows)
	if err != nil && !first {
		return false, fmt.Errorf("look up an entity: %w", err)
	}
	if !first && was.at > at && at > 0 {
		return false, nil
	}
	if fault != "" { // what was known of it stays
		said.doc = was.doc
		if first {
			said.doc = "[]"
		}
	}
	if first {
		grown.entities++
	}
	grown.bytes += int64(len(said.doc) - len(was.doc))
	_, err = tx.Exec(ctx, `INSERT INTO source_entity (source, iri, at, doc, fault) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (source, iri) DO UPDATE SET at = excluded.at, doc = excluded.doc, fault = excluded.fault`,
		string(s.ID), c.IRI, at, said.doc, fault)
	if err == nil && fault == "" && (first || was.doc != said.doc) {
		err = refers(ctx, tx, s, c.IRI, said.references)
	}
	if err != nil {
		return false, fmt.Errorf("keep an entity: %w", err)
	}
	return first || was.doc != said.doc || was.fault != fault, nil
}

// refers keeps which entities one names.
func refers(ctx context.Context, tx *db.Tx, s *Catalogue, iri string, references []string) error {
	_, err := tx.Exec(ctx, `DELETE FROM source_reference WHERE source = ? AND iri = ?`, string(s.ID), iri)
	for _, target := range references {
		if err == nil {
			_, err = tx.Exec(ctx, `INSERT INTO source_reference (source, target, iri) VALUES (?, ?, ?)`, string(s.ID), target, iri)
		}
	}
	return err
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
	fault, err := h.strings(ctx, `SELECT fault FROM source_entity WHERE source = ? AND iri = ? AND fault <> ''`, string(s.ID), iri)
	if err != nil {
		return r, false, err
	}
	switch {
	case len(fault) > 0:
		return Record{IRI: iri, Err: schemas.Errorf(schemas.Invalid, iri, "%s", fault[0])}, true, nil
	case doc == "":
		return Record{IRI: iri, Gone: true}, true, nil
	}
	graph, size := &rdf.Document{}, 0
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
			if size += len(text); size > maxTogether {
				err := schemas.Errorf(schemas.TooLarge, iri, "the dataset and what it names have more than %d bytes", maxTogether)
				return Record{IRI: iri, Err: err}, isDataset(graph, iri), nil
			}
			var nodes []rdf.Node
			err = json.Unmarshal([]byte(text), &nodes)
			if err != nil {
				return r, false, fmt.Errorf("read the entity %s: %w", part, err)
			}
			graph.Nodes = append(graph.Nodes, nodes...)
			if level == 0 && !isDataset(graph, iri) { // such as a catalogue, which names all of them
				return r, false, nil
			}
			if level == levels {
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

// isDataset says whether nodes say of a thing that it is a dataset.
func isDataset(graph *rdf.Document, iri string) bool {
	return slices.ContainsFunc(graph.Nodes, func(n rdf.Node) bool {
		return rdf.ID(n) == iri && slices.Contains(rdf.Types(n), "http://www.w3.org/ns/dcat#Dataset")
	})
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
