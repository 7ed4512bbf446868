package schemas

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"time"
)

// Text is a text in several languages: BCP 47 tag to words. The empty tag is
// "language not said" [DCAT-AP 3.0.1: language-tagged literals].
type Text map[string]string

// Visibility says who may know that a dataset exists [decisions.md 3].
type Visibility string

// The four visibilities; the empty one means VisibleToEveryone.
const (
	VisibleToEveryone Visibility = "everyone"
	VisibleToSignedIn Visibility = "signed-in"
	VisibleToListed   Visibility = "listed"
	VisibleToOwn      Visibility = "own"
)

// Dataset is what a provider registers: a DCAT-AP 3 dataset with its tables.
// It says nothing about terms (Offer) or bytes (Version). The small YAML that
// people write is this document [decisions.md 33c].
type Dataset struct {
	ID          DatasetID       `json:"id,omitempty" doc:"minted at registration" readOnly:"true"`
	IRI         string          `json:"iri,omitempty" doc:"the provider's own identifier; unique per provider" maxLength:"2048"`
	Identifiers []string        `json:"identifiers,omitempty" maxItems:"100" doc:"what else it is called: identifiers of other registers, such as a DOI"`
	Provider    ParticipantID   `json:"provider,omitempty" doc:"the holder; the caller's participant when left out"`
	Source      SourceID        `json:"source,omitempty" readOnly:"true" doc:"the catalogue of others that it was harvested from: its description changes there"`
	AccessBody  ParticipantID   `json:"access_body,omitempty" doc:"who decides about requests, when not the holder"`
	Space       SpaceID         `json:"space" required:"false" doc:"data space: agriculture, energy, health, mobility; needed unless the request names it"`
	Visibility  Visibility      `json:"visibility,omitempty" enum:"everyone,signed-in,listed,own"`
	VisibleTo   []ParticipantID `json:"visible_to,omitempty" doc:"for visibility listed"`
	Title       Text            `json:"title" doc:"language tag to title"`
	Description Text            `json:"description,omitempty"`
	Keywords    []string        `json:"keywords,omitempty" maxItems:"1000"`
	KeywordsIn  KeywordsIn      `json:"keywords_in,omitempty" doc:"language tag to those of the keywords that are in it, where that is said"`
	Themes      []string        `json:"themes,omitempty" doc:"EU data-theme codes, e.g. AGRI, ENER, HEAL, TRAN"`
	Countries   []string        `json:"countries,omitempty" doc:"ISO 3166-1 alpha-2 codes of the area covered"`
	Regions     []string        `json:"regions,omitempty" maxItems:"1000" doc:"NUTS codes of the area covered, of any level, such as BE10"`
	Box         []float64       `json:"box,omitempty" maxItems:"4" doc:"west, south, east and north of the area covered, in degrees of WGS 84; west is east of east where it crosses the date line"`
	Languages   []string        `json:"languages,omitempty" doc:"BCP 47 tags of the data"`
	Publisher   string          `json:"publisher,omitempty" doc:"name to show"`
	Contact     string          `json:"contact,omitempty" doc:"whom to ask about the data: an address of mail or a URL" maxLength:"320"`
	Licence     string          `json:"licence,omitempty" doc:"SPDX id or URL"`
	Licences    []string        `json:"licences,omitempty" maxItems:"100" doc:"all of them, where there are several; licence is then the strictest"`
	Attribution string          `json:"attribution,omitempty" doc:"the words to give with the data"`
	From        string          `json:"from,omitempty" doc:"first day covered, YYYY[-MM[-DD]]"`
	Until       string          `json:"until,omitempty" doc:"last day covered, YYYY[-MM[-DD]]"`
	Periods     []Days          `json:"periods,omitempty" maxItems:"1000" doc:"the times covered, where there are several; from and until are then those of all together"`
	Tables      []TableInfo     `json:"tables,omitempty" doc:"tables with their columns"`
	Links       []Link          `json:"links,omitempty" doc:"where the data is held elsewhere: mark elsewhere until a version is published"`
	RDF         string          `json:"rdf,omitempty" maxLength:"65536" doc:"what else there is to say of it, in Turtle: <> is the dataset"`
	Registered  time.Time       `json:"registered,omitzero" readOnly:"true"`
	Modified    time.Time       `json:"modified,omitzero" readOnly:"true"`
	Withdrawn   bool            `json:"withdrawn,omitempty" readOnly:"true"`
	Revision    int64           `json:"revision,omitempty" readOnly:"true" doc:"the ETag, as a number"`
	Offer       *Offer          `json:"offer,omitempty" readOnly:"true" doc:"the terms in force; set by PUT …/offer"`
	Latest      *VersionSummary `json:"latest,omitempty" readOnly:"true" doc:"the newest published version"`
	Content     *Version        `json:"-"` // the newest published version, for an answer that tells its files; never stored
	Profiles    *Profiled       `json:"profiles,omitempty" readOnly:"true" doc:"which metadata profiles the description meets"`
	Quality     *Quality        `json:"quality,omitempty" readOnly:"true" doc:"points of the EU's metadata quality assessment; of an answer about one dataset, never stored"`
	Facts       *Facts          `json:"facts,omitempty" readOnly:"true" doc:"what trainers judge it by; of an answer about one dataset, never stored"`
	Notes       []string        `json:"notes,omitempty" readOnly:"true" doc:"of an answer to its provider alone, never stored: what there is to say about what was sent, such as what of a description is not kept"`
}

// Profiled says which versions of metadata profiles a description meets, as far as those of
// its data space go.
type Profiled struct {
	Shapes  string   `json:"shapes" doc:"digest of the shapes and vocabularies that it was checked with"`
	Points  int      `json:"points,omitempty" doc:"of the EU's metadata quality assessment, at most 405"`
	Meets   []string `json:"meets,omitempty" doc:"profiles with their versions, newest first"`
	Wanted  string   `json:"wanted,omitempty" doc:"the newest published profile of its space, where it does not meet that"`
	Missing []string `json:"missing,omitempty" doc:"what it lacks for that; of an answer about one dataset, never stored"`
}

// Quality is what the EU's metadata quality assessment says of a description.
type Quality struct {
	Points  int      `json:"points" doc:"of those that are known"`
	Most    int      `json:"most" doc:"405"`
	Unknown int      `json:"unknown,omitempty" doc:"points that are neither given nor lost: nobody looked whether addresses answer"`
	Rating  string   `json:"rating" enum:"excellent,good,sufficient,bad" doc:"of the points that are known"`
	Raise   []string `json:"raise,omitempty" doc:"what would raise them most"`
}

// KeywordsIn says in which languages keywords are: BCP 47 tag to words. One word may be of several.
type KeywordsIn map[string][]string

// Licensed lists the licences, be there one or several.
func (d *Dataset) Licensed() []string {
	if len(d.Licences) == 0 && d.Licence != "" {
		return []string{d.Licence}
	}
	return d.Licences
}

// LicensedLink lists the licences of a link: its own, or those of the dataset.
func (d *Dataset) LicensedLink(l *Link) []string {
	if l.Licence != "" {
		return []string{l.Licence}
	}
	return d.Licensed()
}

// Days is a time that data covers: from its first day to its last, both included. An end
// that is left out is open.
type Days struct {
	From  string `json:"from,omitempty" doc:"first day, YYYY[-MM[-DD]]"`
	Until string `json:"until,omitempty" doc:"last day, YYYY[-MM[-DD]]"`
}

// Covered lists the times that the data covers, be there one or several.
func (d *Dataset) Covered() []Days {
	if len(d.Periods) == 0 && d.From+d.Until != "" {
		return []Days{{d.From, d.Until}}
	}
	return d.Periods
}

// Settle brings the times covered into their one form: From and Until are the ends of all
// together, and Periods stands where there are several. It changes nothing else.
func (d *Dataset) Settle() {
	if len(d.Periods) == 0 {
		return
	}
	d.From, d.Until = d.Periods[0].From, d.Periods[0].Until
	for _, p := range d.Periods[1:] {
		if d.From != "" && (p.From == "" || p.From < d.From) {
			d.From = p.From
		}
		if d.Until != "" && (p.Until == "" || later(p.Until, d.Until)) {
			d.Until = p.Until
		}
	}
	if len(d.Periods) == 1 {
		d.Periods = nil
	}
}

// later compares ends: a year ends after each of its months.
func later(a, b string) bool {
	if strings.HasPrefix(b, a) {
		return len(a) < len(b)
	}
	return !strings.HasPrefix(a, b) && a > b
}

// Link is a distribution held elsewhere.
type Link struct {
	URL    string `json:"url" maxLength:"2048"`
	Format string `json:"format,omitempty"`
	Title  string `json:"title,omitempty"`
	// Licence is its own where the links of a dataset have different ones.
	Licence string `json:"licence,omitempty" doc:"its own SPDX id or URL, where the links have different ones; else that of the dataset"`
	RDF     string `json:"rdf,omitempty" maxLength:"32768" doc:"what else there is to say of it, in Turtle: <> is the distribution"`
}

// TableInfo describes one table before and beside its bytes: a DCAT
// distribution, a Croissant RecordSet.
type TableInfo struct {
	Name   string  `json:"name" doc:"slug"`
	Title  Text    `json:"title,omitempty"`
	Fields []Field `json:"fields,omitempty"`
	CSV    *CSV    `json:"csv,omitempty" doc:"dialect of the table's CSV files, where they are CSV"`
	// Objects says that the table has no rows and columns: files that are given as they are.
	Objects bool     `json:"objects,omitempty" doc:"files that are given as they are, such as images: no rows and columns"`
	Media   []string `json:"media,omitempty" readOnly:"true" doc:"media types of the newest version's objects"`
	Bytes   int64    `json:"bytes,omitempty" readOnly:"true" doc:"of the newest version's objects"`
}

// CSV is the dialect of a table's CSV files, in the terms of W3C CSVW. Zero
// values mean: delimiter found among , ; tab |, UTF-8, one header line,
// decimal point, empty is null [decisions.md 34].
type CSV struct {
	Delimiter   string   `json:"delimiter,omitempty" maxLength:"1"`
	DecimalChar string   `json:"decimalChar,omitempty" maxLength:"1"`
	GroupChar   string   `json:"groupChar,omitempty" maxLength:"1"`
	Encoding    string   `json:"encoding,omitempty" doc:"utf-8, utf-16, iso-8859-1, windows-1252"`
	NoHeader    bool     `json:"noHeader,omitempty"`
	Null        []string `json:"null,omitempty" doc:"cell texts that mean null, beside the empty one"`
}

// Sensitivity says how a column relates to persons.
type Sensitivity string

// Sensitivities of a column; the empty one means none.
const (
	SensitivityNone       Sensitivity = ""
	SensitivityIdentifies Sensitivity = "identifies" // names a person directly or by number
	SensitivityQuasi      Sensitivity = "quasi"      // identifies together with others
	SensitivitySensitive  Sensitivity = "sensitive"  // says something confidential
)

// Field is one column.
type Field struct {
	Name        string      `json:"name" doc:"path of the column; nested ones with dots" maxLength:"255"`
	Type        string      `json:"type,omitempty" doc:"bool int8…int64 uint8…uint64 float32 float64 text binary date timestamp time decimal; needed for CSV only"`
	Format      string      `json:"format,omitempty" doc:"for CSV dates: e.g. dd/MM/yyyy [UAX 35]"`
	Unit        string      `json:"unit,omitempty" doc:"UCUM code or words, e.g. t/ha"`
	Concept     string      `json:"concept,omitempty" doc:"IRI of what is measured"`
	Description Text        `json:"description,omitempty"`
	Sensitivity Sensitivity `json:"sensitivity,omitempty" enum:",identifies,quasi,sensitive"`
}

// Publication is the ask to publish a version: which objects of which store
// form which table and split [doors.md POST /datasets/{id}/versions].
type Publication struct {
	Version  VersionID          `json:"version,omitempty" doc:"slug; today's date when left out"`
	Store    StoreID            `json:"store,omitempty" doc:"id of a store in which the provider has a prefix; the only one when left out"`
	Bucket   string             `json:"bucket,omitempty" doc:"the prefix's bucket when left out"`
	Base     VersionID          `json:"base,omitempty" doc:"a published version whose shards this one keeps; what is named here is added to them"`
	Uploaded bool               `json:"uploaded,omitempty" doc:"keys are names of files uploaded by PUT …/files/{table}/{split}/{name}"`
	DryRun   bool               `json:"dry_run,omitempty" doc:"read everything and report, publish nothing; the version's name stays free"`
	Tables   []PublicationTable `json:"tables" minItems:"1" maxItems:"256"`
	// Distributions is the provider's consent, column by column; none when left out.
	Distributions []string `json:"distributions,omitempty" maxItems:"1000" doc:"count how the values of these columns are distributed, and show that to who sees the dataset: table/column, table/* or *; never of what the terms keep from anybody, or what is about persons"`
}

// PublicationTable is one table of a Publication.
type PublicationTable struct {
	Name    string             `json:"name"`
	Objects bool               `json:"objects,omitempty" doc:"publish the files as they are: nothing is read as rows"`
	Splits  []PublicationSplit `json:"splits" minItems:"1" maxItems:"64"`
}

// PublicationSplit names the objects of one split: by Keys, or all under Prefix
// in the order of their keys.
type PublicationSplit struct {
	Name   string   `json:"name,omitempty" doc:"train, test, …; all when left out"`
	Keys   []string `json:"keys,omitempty" maxItems:"100000"`
	Prefix string   `json:"prefix,omitempty"`
}

// VersionState is where a version stands.
type VersionState string

// A version is publishing until every shard was read once, then published or
// failed: all or nothing [decisions.md 10].
const (
	VersionPublishing VersionState = "publishing"
	VersionPublished  VersionState = "published"
	VersionFailed     VersionState = "failed"
	VersionTried      VersionState = "tried"     // read whole for its report, by a dry run; nothing is published
	VersionWithdrawn  VersionState = "withdrawn" // was published; nothing is streamed of it any more
)

// VersionSummary is a version without its shards.
type VersionSummary struct {
	Version    VersionID    `json:"version"`
	State      VersionState `json:"state" enum:"publishing,published,failed,tried,withdrawn"`
	Tables     int          `json:"tables"`
	Shards     int          `json:"shards"`
	ShardsDone int          `json:"shards_done" doc:"shards read so far, while publishing"`
	Waiting    *Waiting     `json:"waiting,omitempty" doc:"why a version that is being published does not go on now"`
	Rows       int64        `json:"rows,omitempty" doc:"absent where the terms hide rows from the caller; an object counts as one"`
	Objects    int64        `json:"objects,omitempty" doc:"how many of them are objects: files that are given as they are"`
	Bytes      int64        `json:"bytes,omitempty" doc:"of the shards as they are released; absent with rows"`
	Started    time.Time    `json:"started"`
	Published  time.Time    `json:"published,omitzero"`
	Withdrawn  time.Time    `json:"withdrawn,omitzero"`
	Failures   []FieldError `json:"failures,omitempty" doc:"per shard: pointer is the object's key, message what is wrong"`
	Notes      []FieldError `json:"notes,omitempty" doc:"choices made while reading (CSV types, conversions), what asks for something first: pointer is the object's key, or says of how many objects of which table"`
}

// Waiting says why a publication does not go on: it is tried again, less and less often,
// and fails when that lasts too long.
type Waiting struct {
	Why   string    `json:"why"`
	Since time.Time `json:"since"`
	Tries int       `json:"tries"`
}

// Version is an immutable manifest, with the places of its bytes.
type Version struct {
	VersionSummary
	Dataset DatasetID `json:"dataset"`
	Data    []Table   `json:"data" doc:"tables with splits and shards"`
}

// EveryShard gives the shards of all tables and splits.
func (v *Version) EveryShard() iter.Seq[*Shard] {
	return func(yield func(*Shard) bool) {
		for i := range v.Data {
			for j := range v.Data[i].Splits {
				for k := range v.Data[i].Splits[j].Shards {
					if !yield(&v.Data[i].Splits[j].Shards[k]) {
						return
					}
				}
			}
		}
	}
}

// Has says whether a table of the version has a column; a dotted name is also one of the
// column that begins it, of which it may name a part. An empty table is any.
func (v *Version) Has(table, column string) bool {
	for i := range v.Data {
		if table != "" && v.Data[i].Name != table {
			continue
		}
		for _, c := range v.Data[i].Columns {
			if c.Name == column || strings.HasPrefix(column, c.Name+".") {
				return true
			}
		}
	}
	return false
}

// Table is one table of a version: one schema, one window size. One of objects has neither, nor
// columns: its shards are files that are given as they are, in the order of their names.
type Table struct {
	Objects    bool          `json:"objects,omitempty"`
	Name       string        `json:"name"`
	WindowRows int64         `json:"window_rows" doc:"rows per window, a power of two, at most 65,536"`
	Schema     []byte        `json:"schema" doc:"the encapsulated IPC schema message, as it opens every stream"`
	Columns    []TableColumn `json:"columns"`
	Splits     []Split       `json:"splits"`
}

// TableColumn names a top-level column of the schema, with what its provider said of it
// when the version was published.
type TableColumn struct {
	Name        string `json:"name"`
	Type        string `json:"type" doc:"arrow type in words"`
	Unit        string `json:"unit,omitempty" doc:"UCUM code or words; in streams and files the field's metadata says it as unit"`
	Concept     string `json:"concept,omitempty" doc:"IRI of what is measured; metadata concept"`
	Description Text   `json:"description,omitempty" doc:"metadata description: the English one, else the first"`
	MediaType   string `json:"media_type,omitempty" doc:"of columns whose values are files; metadata media_type"`
}

// String names a column as messages do.
func (c TableColumn) String() string { return "{" + c.Name + " " + c.Type + "}" }

// Described gives columns with what the fields of a description say of them, by name.
func Described(columns []TableColumn, fields []Field) []TableColumn {
	out := slices.Clone(columns)
	for i := range out {
		for _, f := range fields {
			if f.Name == out[i].Name {
				out[i].Unit, out[i].Concept, out[i].Description = f.Unit, f.Concept, f.Description
			}
		}
	}
	return out
}

// About is what an Arrow field's metadata says of a column; nil for nothing.
func (c TableColumn) About() map[string]string {
	about := map[string]string{}
	words := c.Description["en"]
	for _, tag := range slices.Sorted(maps.Keys(c.Description)) {
		if words == "" {
			words = c.Description[tag]
		}
	}
	for key, value := range map[string]string{"unit": c.Unit, "concept": c.Concept, "description": words, "media_type": c.MediaType} {
		if value != "" {
			about[key] = value
		}
	}
	if len(about) == 0 {
		return nil
	}
	return about
}

// Split is a named part of a table: train, test, … or all.
type Split struct {
	Name   string  `json:"name"`
	Shards []Shard `json:"shards"`
}

// Rows sums the shards' rows.
func (s Split) Rows() int64 {
	var n int64
	for i := range s.Shards {
		n += s.Shards[i].Rows
	}
	return n
}

// Find gives the place of the object of a name in a split of objects; -1 where there is none.
func (s Split) Find(name string) int {
	i, is := slices.BinarySearchFunc(s.Shards, name, func(o Shard, name string) int { return strings.Compare(o.Name, name) })
	if !is {
		return -1
	}
	return i
}

// Shard is one S3 object, pinned by ETag and size: an Arrow IPC file, or in a table of objects
// any file, which is one row. Source says what the provider gave, where the shard was
// rewritten. The batches of an object are its bytes in pieces, each with its sum.
type Shard struct {
	Name         string  `json:"name,omitempty" doc:"of an object: its name in the split, a path with slashes"`
	MediaType    string  `json:"media_type,omitempty" doc:"of an object"`
	Store        StoreID `json:"store"`
	Bucket       string  `json:"bucket"`
	Key          string  `json:"key"`
	ETag         string  `json:"etag"`
	Size         int64   `json:"size" doc:"bytes of the object"`
	SHA256       string  `json:"sha256" doc:"hex, of the object"`
	Rows         int64   `json:"rows"`
	Dictionaries []Block `json:"dictionaries,omitempty" doc:"dictionary batches, to be sent before the first record batch"`
	Batches      []Block `json:"batches" doc:"record batches in stored order"`
	Source       *Source `json:"source,omitempty"`
}

// Source is the object that a rewritten shard was made from.
type Source struct {
	Store  StoreID `json:"store"`
	Bucket string  `json:"bucket"`
	Key    string  `json:"key"`
	ETag   string  `json:"etag"`
	Size   int64   `json:"size"`
	SHA256 string  `json:"sha256"`
	Format string  `json:"format" doc:"arrow-file, arrow-stream, parquet, csv, json-lines, webdataset; object"`
}

// Block is the place of one encapsulated IPC message in its object.
type Block struct {
	Offset int64 `json:"o" doc:"byte offset of the continuation marker"`
	Meta   int32 `json:"m" doc:"bytes of marker, length and metadata, padded to 8"`
	Body   int64 `json:"b" doc:"bytes of the body"`
	Rows   int64 `json:"r,omitempty" doc:"rows of a record batch"`
	// Sum finds bytes that are not those that were published: it is no proof against who
	// makes others of the same sum. 0 is not known, as in versions published before it
	// was recorded.
	Sum uint32 `json:"s,omitempty" doc:"CRC-32C of the message; 0 is not known"`
	// Columns says how the body divides, so that what a view shows is sized without a
	// look at what it hides. Nil in versions published before it was recorded, and for
	// tables too wide for it.
	Columns []int64 `json:"c,omitempty" doc:"bytes of each top-level column within the body, padding included"`
}

// Len is the message's whole length in bytes.
func (b Block) Len() int64 { return int64(b.Meta) + b.Body }
