package ipc

// The fields of Arrow's flatbuffers tables by their numbers in Message.fbs, Schema.fbs and
// File.fbs [Arrow columnar format 1.5]. A flatbuffers table finds a field through a row of
// 16-bit slots, one for each number, so readers and writers agree on numbers alone. The
// last of each group is how many fields the table has.

// Message: the root of every message's metadata.
const (
	messageVersion = iota
	messageHeaderType
	messageHeader
	messageBodyLength
	messageMetadata
	messageFields
)

// RecordBatch: where the columns of some rows lie in the body.
const (
	batchRows = iota
	batchNodes
	batchBuffers
	batchCompression
	batchVariadicCounts
	batchFields
)

// BodyCompression.
const compressionCodec = 0

// DictionaryBatch: the values of a dictionary, as a RecordBatch of one column.
const (
	dictionaryID = iota
	dictionaryData
	dictionaryIsDelta
	dictionaryFields
)

// Schema.
const (
	schemaEndianness = iota
	schemaColumns
	schemaMetadata
	schemaFeatures
	schemaFields
)

// Field: a column, nested ones included.
const (
	fieldName = iota
	fieldNullable
	fieldTypeType // which member of the union fieldType is
	fieldType
	fieldDictionary
	fieldChildren
	fieldMetadata
	fieldFields
)

// DictionaryEncoding: how a field's values become indices.
const (
	encodingID = iota
	encodingIndexType
	encodingIsOrdered
	encodingKind
	encodingFields
)

// KeyValue: an entry of custom metadata.
const (
	pairKey = iota
	pairValue
	pairFields
)

// Footer: what stands at the end of a file.
const (
	footerVersion = iota
	footerSchema
	footerDictionaries
	footerBatches
	footerMetadata
	footerFields
)

// The parameters of types.
const (
	intBitWidth, intIsSigned                           = 0, 1
	floatPrecision                                     = 0
	decimalPrecision, decimalScale, decimalBitWidth    = 0, 1, 2
	dateUnit, durationUnit, intervalUnit               = 0, 0, 0
	timeUnit, timeBitWidth                             = 0, 1
	timestampUnit, timestampZone                       = 0, 1
	binaryWidth, listSize, mapKeysSorted, paramsFields = 0, 0, 0, 3
)

// Values of a message's version and header type.
const (
	metadataV4, metadataV5 = 3, 4

	headerSchema, headerDictionary, headerRecord = 1, 2, 3
)
