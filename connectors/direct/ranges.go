package direct

import (
	"time"

	"guichet/schemas"
)

// Bounds of what one answer gives.
const (
	MaxRange = 64 << 20    // bytes of one signed range [decisions.md 19]
	MaxLife  = time.Minute // of a URL, likewise
	Usual    = 256 << 20   // bytes of an answer where the ask says none
	MaxBytes = 1 << 30     // of an answer; one piece may have more
	MaxNames = 256         // objects of an ask
)

// RangesAsk is what POST /agreements/{id}/ranges takes: the part of an epoch that a stream with
// the same keys gives, or objects by their names.
type RangesAsk struct {
	Table   string            `json:"table,omitempty" doc:"may be left out where there is one, as split may"`
	Split   string            `json:"split,omitempty"`
	Version schemas.VersionID `json:"version,omitempty" doc:"repeats the lease's"`
	Run     schemas.RunID     `json:"run,omitempty" doc:"repeats the lease's"`
	World   int               `json:"world,omitempty" minimum:"0" doc:"ranks of the job; 1 when left out"`
	Rank    int               `json:"rank,omitempty" minimum:"0"`
	From    int64             `json:"from,omitempty" minimum:"0" doc:"rows of the rank's part to leave out: next of the last answer"`
	Seed    string            `json:"seed,omitempty" doc:"as of a stream, as epoch, start, even, shuffle and order are"`
	Epoch   int64             `json:"epoch,omitempty" minimum:"0"`
	Start   string            `json:"start,omitempty" maxLength:"2000"`
	Even    string            `json:"even,omitempty" enum:",drop,pad"`
	Shuffle string            `json:"shuffle,omitempty" enum:",rows,windows"`
	Order   string            `json:"order,omitempty" enum:",1,2"`
	Objects []string          `json:"objects,omitempty" maxItems:"256" doc:"of a table of objects: names; the rows of the other members are then none"`
	Bytes   int64             `json:"bytes,omitempty" minimum:"0" doc:"how many to give URLs for, about: 256 MiB when left out, 1 GiB at most"`
}

// Ranges are URLs for a beginning of what was asked for. The record has them as released by URL:
// Rows and Bytes are the upper bound that was charged, whoever reads them or not.
type Ranges struct {
	Release schemas.ReleaseID `json:"release,omitempty" doc:"in the record; absent where no URL is given"`
	Note    string            `json:"note" doc:"what a release by URL is"`
	Version schemas.VersionID `json:"version"`
	Table   string            `json:"table"`
	Split   string            `json:"split"`
	Expires time.Time         `json:"expires,omitzero" doc:"until when the URLs are good, by the store's clock: at most a minute"`
	Seconds int64             `json:"seconds,omitempty" doc:"for how long they are good from now on, for clocks that differ"`
	Rows    int64             `json:"rows" doc:"of all batches or objects that the URLs show"`
	Bytes   int64             `json:"bytes"`
	Part    int64             `json:"part" doc:"rows of the rank's whole part; of objects how many were asked for"`
	Next    int64             `json:"next" doc:"from, to go on with; part, where nothing is left; of objects how many of them were answered"`
	Order   string            `json:"order,omitempty" doc:"what the seed did"`
	Even    string            `json:"even,omitempty" doc:"what even changed"`
	Pieces  []Piece           `json:"pieces" doc:"of the rank's part, in order"`
}

// Piece is some next rows of a part, or one object.
type Piece struct {
	Rows   int64         `json:"rows"`
	Ranges []SignedRange `json:"ranges,omitempty" doc:"to be read in this order; none: these rows come by the stream, and an empty object has no bytes"`
	Window *Window       `json:"window,omitempty" doc:"how the rows of the ranges are permuted; absent: as they come"`
	Object string        `json:"object,omitempty" doc:"name"`
	SHA256 string        `json:"sha256,omitempty" doc:"of the object"`
}

// Window is one window of an epoch whose rows are permuted, of which a piece has Piece.Rows rows of
// the permutation from From on.
type Window struct {
	Number int64 `json:"number" doc:"its place in the epoch's order"`
	Rows   int64 `json:"rows" doc:"of the whole window, which the ranges have"`
	From   int64 `json:"from,omitempty"`
}

// SignedRange is one range of an object: whole IPC messages of a shard, or bytes of an object.
type SignedRange struct {
	URL          string            `json:"url"`
	Headers      map[string]string `json:"headers" doc:"to be sent as they stand here: the signature covers them"`
	Bytes        int64             `json:"bytes"`
	Shard        int               `json:"shard" doc:"its number"`
	Dictionaries bool              `json:"dictionaries,omitempty" doc:"these are the shard's dictionaries, given once in an answer"`
	Rows         int64             `json:"rows,omitempty" doc:"of its record batches"`
	Skip         int64             `json:"skip,omitempty" doc:"rows at its beginning that are not of the piece"`
	Take         int64             `json:"take,omitempty" doc:"rows that are"`
}
