package schemas

import (
	"time"
)

// Manifest is the trainer's view of the data under one agreement.
type Manifest struct {
	Agreement   AgreementID     `json:"agreement"`
	Dataset     DatasetID       `json:"dataset"`
	Version     VersionID       `json:"version"`
	Obligations []Duty          `json:"obligations,omitempty"`
	EndsAt      time.Time       `json:"ends_at"`
	Declared    bool            `json:"declared,omitempty" doc:"the place is the requester's word"`
	Tables      []ManifestSplit `json:"tables"`
}

// ManifestSplit is one split of a table as the agreement shows it.
type ManifestSplit struct {
	Table      string          `json:"table"`
	Split      string          `json:"split"`
	Rows       int64           `json:"rows"`
	WindowRows int64           `json:"window_rows"`
	Schema     []byte          `json:"schema" doc:"IPC schema message"`
	Columns    []TableColumn   `json:"columns"`
	Shards     []ManifestShard `json:"shards"`
	Part       int64           `json:"part,omitempty" doc:"rows of the rank asked for"`
	Even       string          `json:"even,omitempty" doc:"what even=drop or even=pad changed for this rank"`
	Order      string          `json:"order,omitempty" doc:"what the seed does, where a rank was asked for"`
	Shuffle    Shuffle         `json:"shuffle" doc:"what a seed does to an epoch that begins now"`
	// Objects are the files of a table that has no rows and columns; it has no shards then.
	Objects []ManifestObject `json:"objects,omitempty" doc:"files that are given as they are, by name"`
}

// Shuffle is how a seed orders a split: with the rows of each shard it says the whole order,
// to who computes it too.
type Shuffle struct {
	Order      int   `json:"order" doc:"number of the order"`
	WindowRows int64 `json:"window_rows" doc:"rows per window"`
	Windows    int64 `json:"windows" doc:"how many there are, a shorter last one counted"`
}

// ManifestObject is one file of a split of objects, read at …/objects/TABLE/SPLIT/NAME.
type ManifestObject struct {
	Name      string `json:"name" doc:"a path with slashes"`
	MediaType string `json:"media_type"`
	Size      int64  `json:"size" doc:"bytes"`
	SHA256    string `json:"sha256" doc:"hex; over HTTP its ETag"`
}

// ManifestShard is one shard of a split as the agreement shows it.
type ManifestShard struct {
	Name    string  `json:"name"`
	Rows    int64   `json:"rows"`
	Batches []int64 `json:"batches" doc:"rows of each record batch"`
}
