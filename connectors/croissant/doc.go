// Package croissant writes a schemas.Dataset as Croissant 1.1.
//
// A dataset, with its newest published version where there is one, becomes a
// Croissant: tables as record sets, their columns as fields, shards and objects as files.
//
// Always: what is written says nothing of sizes and sums where terms change or filter what
// is read.
//
// It must not know who may see what, nor what terms mean: it takes the offer's ODRL as
// connectors/odrl writes it.
package croissant
