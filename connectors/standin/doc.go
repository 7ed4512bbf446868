// Package standin makes up rows of a table from what is published of it, so that a job can be
// written and tried before anybody has permitted it to read the data.
//
// In: a table's schema, with what its provider said of the columns, a number of rows and a seed.
// Out: an Arrow IPC file with the names, types, units and descriptions of the table's columns.
// Always: the same ask gives the same bytes, and a column the same values whatever stands
// beside it; nothing of the data is in it, since nothing of the data is read; the file's schema
// says that it is made up. It must not know datasets, versions or the stored bytes.
//
//	column               type                values
//	field                text                "made up 17", one of a hundred
//	yield                float64             -3.2, around 0, a tenth of them null where nulls are allowed
//	sown                 date32              2021-04-09, of the years 2020 to 2025
package standin
