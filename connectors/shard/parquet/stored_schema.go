package parquet

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/apache/arrow-go/v18/parquet/metadata"

	"guichet/connectors/ipc"
)

// Entries of the footer.
const (
	storedSchemaKey = "ARROW:schema"
	geoKey          = "geo"
)

// storedSchema is the Arrow schema that the writer put into the footer, nil where
// there is none. One that cannot be read is left aside with a note: the Parquet
// schema says what the values are.
func (s *Source) storedSchema() *ipc.Schema {
	v := s.meta.KeyValueMetadata().FindValue(storedSchemaKey)
	if v == nil {
		return nil
	}
	b, err := base64.StdEncoding.DecodeString(*v)
	if err != nil {
		b, err = base64.RawStdEncoding.DecodeString(*v)
	}
	var own *ipc.Schema
	if err == nil {
		own, err = ipc.ParseStoredSchema(b)
	}
	if err != nil {
		s.notes = append(s.notes, "the Arrow schema in the footer cannot be read and is ignored")
		return nil
	}
	return own
}

// geoMetadata is the extension metadata of geoarrow types.
type geoMetadata struct {
	CRS   json.RawMessage `json:"crs,omitempty"`
	Kind  string          `json:"crs_type,omitempty"`
	Edges string          `json:"edges,omitempty"`
}

// text is the JSON that stands in a field's metadata.
func (g geoMetadata) text() string {
	b, err := json.Marshal(g)
	if err != nil {
		return "{}"
	}
	return string(b)
}

// standardCRS is what GeoParquet and Parquet mean where they name none.
func standardCRS() geoMetadata {
	return geoMetadata{CRS: json.RawMessage(`"OGC:CRS84"`), Kind: "authority_code"}
}

// geoEntry reads the columns in WKB of a GeoParquet footer as extension metadata.
func geoEntry(meta *metadata.FileMetaData) map[string]string {
	v := meta.KeyValueMetadata().FindValue(geoKey)
	if v == nil {
		return nil
	}
	var doc struct {
		Columns map[string]struct {
			Encoding string          `json:"encoding"`
			CRS      json.RawMessage `json:"crs"` // null is "unknown", none is the standard one
			Edges    string          `json:"edges"`
		} `json:"columns"`
	}
	if json.Unmarshal([]byte(*v), &doc) != nil {
		return nil
	}
	out := map[string]string{}
	for name, c := range doc.Columns {
		if c.Encoding != "WKB" {
			continue
		}
		g := standardCRS()
		switch crs := c.CRS; {
		case len(crs) == 0:
		case string(crs) == "null":
			g = geoMetadata{}
		default:
			g = geoMetadata{CRS: crs, Kind: "projjson"}
		}
		if c.Edges != "planar" {
			g.Edges = c.Edges
		}
		out[name] = g.text()
	}
	return out
}

// geometry is the extension metadata of a GEOMETRY or GEOGRAPHY column: without it a reader
// cannot tell degrees from metres. Its
// reference system stands in the type, or at the key of the footer that it names.
func (s *Source) geometry(n *node, crs, edges string, geo map[string]string) string {
	g := standardCRS()
	switch key, isKey := strings.CutPrefix(crs, "projjson:"); {
	case crs == "" && geo[n.path] != "":
		return geo[n.path]
	case crs == "":
	case isKey:
		g = geoMetadata{CRS: quoted(crs)}
		if v := s.meta.KeyValueMetadata().FindValue(key); v != nil && json.Valid([]byte(*v)) {
			g = geoMetadata{CRS: json.RawMessage(*v), Kind: "projjson"}
		}
	case strings.HasPrefix(crs, "srid:"):
		g = geoMetadata{CRS: quoted(strings.TrimPrefix(crs, "srid:")), Kind: "srid"}
	case json.Valid([]byte(crs)) && strings.HasPrefix(strings.TrimSpace(crs), "{"):
		g = geoMetadata{CRS: json.RawMessage(crs), Kind: "projjson"}
	default:
		g = geoMetadata{CRS: quoted(crs)}
	}
	g.Edges = strings.ToLower(edges)
	return g.text()
}

// quoted is a text as JSON.
func quoted(s string) json.RawMessage {
	b, err := json.Marshal(s)
	if err != nil {
		return json.RawMessage(`""`)
	}
	return b
}
