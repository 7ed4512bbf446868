package catalog

import (
	"slices"

	"guichet/schemas"
)

// AddColumns adds the columns that the shards really have to the dataset's tables,
// keeping what the provider said about them. Types stand in the manifest: a type
// in a description is the provider's word on how to read CSV.
func AddColumns(d *schemas.Dataset, v *schemas.Version) {
	for i := range v.Data {
		t := &v.Data[i]
		var info *schemas.TableInfo
		for j := range d.Tables {
			if d.Tables[j].Name == t.Name {
				info = &d.Tables[j]
			}
		}
		if info == nil {
			d.Tables = append(d.Tables, schemas.TableInfo{Name: t.Name})
			info = &d.Tables[len(d.Tables)-1]
		}
		info.Objects, info.Media, info.Bytes = t.Objects, nil, 0
		if t.Objects {
			info.Media, info.Bytes = files(t)
		}
		for _, col := range t.Columns {
			known := false
			for j := range info.Fields {
				known = known || info.Fields[j].Name == col.Name
			}
			if !known {
				info.Fields = append(info.Fields, schemas.Field{Name: col.Name})
			}
		}
	}
}

// files gives the media types of a table of objects, sorted, and the bytes of all.
func files(t *schemas.Table) (media []string, bytes int64) {
	for _, s := range t.Splits {
		for i := range s.Shards {
			at, is := slices.BinarySearch(media, s.Shards[i].MediaType)
			if !is {
				media = slices.Insert(media, at, s.Shards[i].MediaType)
			}
			bytes += s.Shards[i].Size
		}
	}
	return media, bytes
}
