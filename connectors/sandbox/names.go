package sandbox

import (
	"guichet/connectors/shard"
	"guichet/connectors/shard/csv"
	"guichet/connectors/shard/jsonl"
	"guichet/connectors/shard/webdataset"
	"guichet/schemas"
)

// What a publication says of an object and hears of it. Package shard, where these lie,
// links every decoder of foreign files; nobody but this package imports it.
type (
	Spec       = shard.Spec
	Report     = shard.Report
	Format     = shard.Format
	PathColumn = shard.PathColumn
	CSVSeen    = csv.Seen
	JSONShape  = jsonl.Shape
	TarSeen    = webdataset.Seen
)

// The formats whose types bind no other file of the table: they follow from all of them.
const (
	FormatCSV  = shard.FormatCSV
	FormatJSON = shard.FormatJSON
	FormatTar  = shard.FormatTar
)

// PathColumns reads the columns in an object's path, percent-escapes decoded: no byte of
// the object. Kind: Invalid.
func PathColumns(key string) ([]PathColumn, error) { return shard.PathColumns(key) }

// JoinPaths tells the path columns of each object what the values of all have shown, so
// that they have one type. The objects' columns have the same names in the same order.
func JoinPaths(paths [][]PathColumn, fields []schemas.Field) { shard.JoinPaths(paths, fields) }

// JoinCSV adds what one more file of a table has shown to what its files before have
// shown. The files' columns have the same names in the same order.
func JoinCSV(all, file []CSVSeen) []CSVSeen { return csv.Join(all, file) }

// JoinJSON is JoinCSV for JSON lines, whose files may leave members out.
func JoinJSON(all, file *JSONShape) *JSONShape { return jsonl.Join(all, file) }

// JoinTar is JoinCSV for WebDataset's tars, whose samples may leave members out.
func JoinTar(all, file []TarSeen) []TarSeen { return webdataset.Join(all, file) }

// SchemaOfTexts gives the schema message of a table of CSV files, of JSON lines or of tars, by what they
// have shown together, and what is declared. Kind: Invalid.
func SchemaOfTexts(spec Spec) ([]byte, error) { return shard.SchemaOfTexts(spec) }

// MostOut is the most bytes that are written of an object of size bytes.
func MostOut(size int64) int64 { return shard.MostOut(size) }
