// Package croissant translates between Croissant 1.1 and schemas.Dataset.
//
// In flows a description of strangers in JSON-LD, of Croissant 1.0 or 1.1 or of schema.org
// alone; it becomes what DCAT-AP would say, and then a dataset (connectors/dcatap). The
// other way a dataset, with its newest published version where there is one, becomes a
// Croissant: tables as record sets, their columns as fields, shards and objects as files.
//
// Always: nothing is fetched; what of a document is not kept is named in the dataset's
// Notes; what is written says nothing of sizes and sums where terms change or filter what
// is read.
//
// It must not know who may see what, nor what terms mean: it takes the offer's ODRL as
// connectors/odrl writes it.
package croissant
