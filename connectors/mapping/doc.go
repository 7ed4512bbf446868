// Package mapping reads descriptions in JSON of forms that are described by data: which member
// means which property of DCAT-AP, and which of a column. A form is a file under forms.
//
// In flows JSON of strangers, out comes a dataset: what a form says of it is translated into
// DCAT-AP, which connectors/dcatap reads, and members that no form names are told in its notes.
//
// Always: bytes, depth and number of values are bounded, and nothing is fetched: a schema that lies
// in another file is named. It must not know any form by itself.
package mapping
