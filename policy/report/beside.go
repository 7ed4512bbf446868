package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"guichet/policy/audit"
	"guichet/schemas"
)

// mostDescribed bounds the datasets that are told as they are described now.
const mostDescribed = 500

// describe adds what the catalogue says of datasets now, where that is wanted.
func (m *making) describe(ids names) error {
	if m.ask.Dataset == nil {
		return nil
	}
	var rows [][]Cell
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if len(rows) == mostDescribed {
			m.doc.Notes = append(m.doc.Notes, fmt.Sprintf("Only %d datasets are described.", mostDescribed))
			break
		}
		d, err := m.ask.Dataset(m.ctx, schemas.DatasetID(id))
		if schemas.KindOf(err) == schemas.NotFound || schemas.KindOf(err) == schemas.Gone {
			continue // gone, or hidden from who asks
		}
		if err != nil {
			return err
		}
		then, err := m.revisionThen(id)
		if err != nil {
			return err
		}
		changed := "as then"
		if then != d.Revision {
			changed = "changed since"
		}
		licences := listed(d.Licensed())
		rows = append(rows, []Cell{text(id), text(d.Title[d.Title.For("en")]), text(string(d.Space)), licences, text(d.From), text(d.Until),
			modalities(&d), sensitive(&d), text(changed)})
	}
	m.doc.add("described", "These datasets as the catalogue describes them now", OfNow,
		"dataset title space licence from until modality sensitive described", rows)
	return nil
}

// revisionThen is the revision of a dataset's description when the record had its size.
func (m *making) revisionThen(id string) (revision int64, err error) {
	q := audit.Query{At: m.query.At, Values: map[string]string{"dataset": id}}
	w := wanted{schemas.ChangeDatasetPut: nil, schemas.ChangeDatasetOffer: nil, schemas.ChangeDatasetGone: nil, schemas.ChangeVersion: nil}
	err = each(m.ctx, m.db, q, w, func(r *record) error {
		revision = max(revision, r.leaf.number("revision"))
		return nil
	})
	return revision, err
}

// modalities are those of the AI Act's template, as far as types of files tell them.
func modalities(d *schemas.Dataset) Cell {
	var out names
	for _, t := range d.Tables {
		if !t.Objects {
			out.add("tabular")
			continue
		}
		for _, media := range t.Media {
			switch kind, _, _ := strings.Cut(media, "/"); kind {
			case "text", "image", "audio", "video":
				out.add(kind)
			default:
				out.add("other")
			}
		}
	}
	return out.cell()
}

// sensitive is how many columns say something of persons.
func sensitive(d *schemas.Dataset) Cell {
	n := int64(0)
	for _, t := range d.Tables {
		for _, f := range t.Fields {
			if f.Sensitivity != schemas.SensitivityNone {
				n++
			}
		}
	}
	return number(n)
}

// listed is a list in one cell.
func listed(list []string) Cell {
	return text(strings.Join(slices.Compact(slices.Sorted(slices.Values(list))), ", "))
}
