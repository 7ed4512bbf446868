package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"guichet/connectors/rdf/about"
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
		changed, err := m.since(id)
		if err != nil {
			return err
		}
		licences := listed(d.Licensed())
		row := []Cell{text(id), text(d.Title[d.Title.For("en")]), text(string(d.Space)), licences, text(d.From), text(d.Until),
			modalities(&d), sensitive(&d)}
		if m.kind.Name == "permits" { // the EHDS's register
			row = append(row, listed(about.HealthCategories(&d)))
		}
		rows = append(rows, append(row, text(changed)))
	}
	columns := "dataset title space licence from until modality sensitive described"
	if m.kind.Name == "permits" {
		columns = "dataset title space licence from until modality sensitive health_categories described"
	}
	m.doc.add("described", "These datasets as the catalogue describes them now", OfNow, columns, rows)
	return nil
}

// since says whether the record has an entry about a dataset's description after the report's checkpoint.
func (m *making) since(id string) (string, error) {
	q := audit.Query{After: m.query.At, Values: map[string]string{"dataset": id},
		Kinds: []string{schemas.ChangeDatasetPut, schemas.ChangeDatasetOffer, schemas.ChangeDatasetGone, schemas.ChangeVersion}}
	said := "as then"
	err := positions(m.ctx, m.db, q, func(int64, string) error {
		said = "changed since"
		return nil
	})
	return said, err
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
