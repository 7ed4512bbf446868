package catalog

import "guichet/schemas"

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
