// Package ckan reads what CKAN portals say of their datasets: a package, as package_show gives it,
// or a page of them, as package_search does.
//
// In flows JSON of strangers, out come datasets: a package is translated into what DCAT-AP would
// say of it, which connectors/dcatap reads. What is not carried over is named in the notes.
//
// Always: bytes, depth and number of values are bounded; one faulty package does not spoil the
// others of its page; packages that are private, or not active, are none. It must not know how
// portals are asked, nor who may see a dataset.
package ckan
