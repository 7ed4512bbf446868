package gateway

import (
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"guichet/connectors/rdf"
	"guichet/gateway/door"
	"guichet/gateway/stream/plan"
	"guichet/policy/report"
)

// describe adds the doors that are plain handlers to the OpenAPI document: the byte
// doors, uploads and the export.
func describe(o *huma.OpenAPI) {
	text := func(name, in, doc string) *huma.Param {
		return &huma.Param{Name: name, In: in, Description: doc, Required: in == "path", Schema: &huma.Schema{Type: huma.TypeString}}
	}
	agreement := text("id", "path", "agreement")
	asks := []*huma.Param{agreement}
	docs := map[string]string{"table": "table; may be left out where there is one", "split": "split; may be left out where there is one",
		"version": "repeats the lease's", "columns": "only these columns, separated by commas", "run": "repeats the lease's",
		"seed": "rows in an order of its own, the same at every reading: windows of rows, and the rows of each, are permuted. Stored " +
			"order when left out; Guichet-Order says what was done",
		"shuffle": "rows (what a seed means), or windows: their bytes come as they are stored, only the order of windows changes",
		"order": "1 or 2: the order under which an epoch began. One that goes on (from, start) says it, as Guichet-Order said it; " +
			"where it said none, it was 1",
		"epoch": "another order by the same seed; nothing without one", "world": "ranks of the job", "rank": "this rank",
		"from": "rows of the rank's part to leave out", "start": "k@w[,k@w…]: each of w ranks has consumed k rows, the rest is dealt anew",
		"even": "drop or pad: ranks of equal length",
		"lane": "i@n: what is left of the rank's part after from is cut into blocks, dealt to n lanes in turn; this is lane i, from 0. " +
			"For loaders that take batches of their workers in turn",
		"block": "rows of a block of lanes", "rows": "at most so many rows of what from and lane leave"}
	for _, key := range plan.Keys() {
		asks = append(asks, text(key, "query", docs[key]))
	}
	streamed := append(slices.Clone(asks), text(door.SchemaKey, "query", "only: the stream's schema and its end, without rows; opens no "+
		"release and charges nothing"))
	lease := []map[string][]string{{"bearer": {}}}
	refusal := &huma.Response{
		Description: "a problem (RFC 9457)",
		Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}}},
	}
	bytes := func(status, doc, contentType string) map[string]*huma.Response {
		return map[string]*huma.Response{
			status: {
				Description: doc,
				Content:     map[string]*huma.MediaType{contentType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
			},
			"default": refusal,
		}
	}
	object := func(doc string) map[string]*huma.Response {
		return map[string]*huma.Response{"200": {Description: doc, Content: map[string]*huma.MediaType{
			"application/json": {Schema: &huma.Schema{Type: huma.TypeObject}}}}, "default": refusal}
	}
	linkedData := func(doc string, all bool) map[string]*huma.Response {
		types := map[string]*huma.MediaType{string(rdf.JSONLD): {Schema: &huma.Schema{Description: doc}}}
		for _, f := range []rdf.Format{rdf.Turtle, rdf.RDFXML} {
			if all {
				types[string(f)] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Description: doc}}
			}
		}
		return map[string]*huma.Response{"200": {Description: doc, Content: types}, "304": {Description: "the page is as If-None-Match says"},
			"default": refusal}
	}
	described(o)
	for _, op := range []*huma.Operation{
		{Method: http.MethodGet, Path: "/agreements/{id}/manifest", OperationID: "get-manifest", Summary: "The data as this agreement shows it",
			Tags: []string{"bytes"}, Parameters: asks, Security: lease,
			Responses: map[string]*huma.Response{"200": {Description: "tables, splits with their columns, shards with the rows of each record " +
				"batch", Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: huma.TypeObject}}}}, "default": refusal}},
		{Method: http.MethodGet, Path: "/agreements/{id}/stream", OperationID: "stream", Summary: "The deterministic stream of one rank, " +
			"always chunked; whole only with its end marker", Tags: []string{"bytes"}, Parameters: streamed, Security: lease,
			Responses: bytes("200", "Arrow IPC stream", "application/vnd.apache.arrow.stream")},
		{Method: http.MethodGet, Path: "/agreements/{id}/tables/{table}/{split}/{shard}", OperationID: "get-shard",
			Summary: "One shard as the agreement shows it, " +
				"with ETag and ranges", Tags: []string{"bytes"}, Security: lease,
			Parameters: []*huma.Param{agreement, text("table", "path", "table"), text("split", "path", "split"), text("shard", "path",
				"number.arrow")},
			Responses: bytes("200", "Arrow IPC file", "application/vnd.apache.arrow.file")},
		{Method: http.MethodGet, Path: "/agreements/{id}/{shard}", OperationID: "get-only-shard",
			Summary: "The same where the agreement has one " +
				"table with one split", Tags: []string{"bytes"}, Security: lease,
			Parameters: []*huma.Param{agreement, text("shard", "path", "number.arrow")},
			Responses:  bytes("200", "Arrow IPC file", "application/vnd.apache.arrow.file")},
		{Method: http.MethodPut, Path: "/datasets/{id}/files/{table}/{split}/{name}", OperationID: "upload-file",
			Summary: "Send a file of a dataset, to be " +
				"published with uploaded: true", Tags: []string{"datasets"}, Security: lease,
			Parameters: []*huma.Param{text("id", "path", "dataset"), text("table", "path", "table"), text("split", "path", "split"), text("name",
				"path", "file name")},
			Responses: map[string]*huma.Response{"204": {Description: "taken"}, "default": refusal}},
		{Method: http.MethodPost, Path: "/datasets/{id}/files/{table}/{split}", OperationID: "take-file",
			Summary: "Take in a file of the web, to be published with uploaded: true", Tags: []string{"datasets"}, Security: lease,
			Parameters: []*huma.Param{text("id", "path", "dataset"), text("table", "path", "table"), text("split", "path", "split")},
			RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{
				Type: huma.TypeObject, Required: []string{"url"}, Properties: map[string]*huma.Schema{
					"url":    {Type: huma.TypeString, Description: "http or https; a public address"},
					"name":   {Type: huma.TypeString, Description: "in the split; its own when left out"},
					"sha256": {Type: huma.TypeString, Description: "hex, that it must have"},
				}}}}},
			Responses: map[string]*huma.Response{"200": {Description: "url, name, bytes and sha256 of what was taken in",
				Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: huma.TypeObject}}}}, "default": refusal}},
		{Method: http.MethodGet, Path: "/catalogue", OperationID: "get-catalogue", Summary: "The catalogue for harvesters, page by page: " +
			"what everybody may know of", Tags: []string{"datasets"},
			Parameters: []*huma.Param{text("after", "query", "of the link to the next page")},
			Responses:  linkedData("DCAT-AP 3; Hydra and a Link name the next page, a Link of the first one the feed of changes", true)},
		{Method: http.MethodGet, Path: "/catalogue/changes", OperationID: "get-catalogue-changes", Summary: "What changed in the catalogue, " +
			"as a feed of DCAT-AP", Tags: []string{"datasets"},
			Parameters: []*huma.Param{text("after", "query", "of the link to the next page; from the first change on when left out")},
			Responses:  linkedData("Linked Data Event Stream of Create, Update and Delete", false)},
		{Method: http.MethodGet, Path: "/audit/export", OperationID: "export-records", Summary: "A bundle of records that verifies offline; " +
			"filters as for /audit/records", Tags: []string{"record"}, Security: lease,
			Responses: bytes("200", "zip", "application/zip")},
		{Method: http.MethodGet, Path: "/reports", OperationID: "list-reports", Summary: "The reports that can be made of the record: what " +
			"they say, their parameters, for whom", Tags: []string{"record"}, Security: lease, Responses: object("reports, as items")},
		{Method: http.MethodGet, Path: "/reports/{name}", OperationID: "get-report", Summary: "A report of the record as at a checkpoint: the " +
			"same bytes whenever it is made. All of it for officers, of what concerns one for others", Tags: []string{"record"}, Security: lease,
			Parameters: reported(text), Responses: object("the report; as text/csv (by Accept, or format=csv) one of its tables")},
		{Method: http.MethodGet, Path: "/reports/dossier", OperationID: "get-dossier", Summary: "The dossier of a project: reports, tables, " +
			"the records they stand on; opens in a browser, verifies offline", Tags: []string{"record"}, Security: lease,
			Parameters: []*huma.Param{text("project", "query", "project"), text("at", "query", "size of the record; now when left out")},
			Responses:  bytes("200", "zip", "application/zip")},
	} {
		o.AddOperation(op)
		if op.Tags[0] == "bytes" {
			o.AddOperation(head(op))
		}
	}
}

// reported are the parameters of reports.
func reported(text func(name, in, doc string) *huma.Param) []*huma.Param {
	out := []*huma.Param{
		text("name", "path", "of /reports"),
		text("at", "query", "size of the record as at which it is; that of the newest checkpoint when left out"),
		text("format", "query", "json, or csv: one table"), text("table", "query", "of csv: which one; the first when left out"),
		text("rows", "query", "of each table at most so many rows"),
		text("beside", "query", "true: also what the catalogue says now, in tables that say so"),
	}
	told := map[string]bool{}
	for _, k := range report.Kinds() {
		for _, p := range k.Parameters {
			if !told[p.Name] {
				told[p.Name] = true
				out = append(out, text(p.Name, "query", p.Says))
			}
		}
	}
	return out
}

// described adds the forms in which descriptions of datasets are read and written.
func described(o *huma.OpenAPI) {
	one, all := o.Paths["/datasets/{id}"], o.Paths["/datasets"]
	for _, f := range []rdf.Format{rdf.JSONLD, rdf.Turtle, rdf.RDFXML} {
		text := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Description: "DCAT-AP 3"}}
		if f == rdf.JSONLD {
			text.Schema.Type = ""
		}
		one.Get.Responses["200"].Content[string(f)] = text
		one.Put.RequestBody.Content[string(f)] = text
		all.Post.RequestBody.Content[string(f)] = text
	}
}

// head is the operation that asks what a GET would answer: its status and headers.
func head(get *huma.Operation) *huma.Operation {
	op := *get
	op.Method, op.OperationID = http.MethodHead, "head-"+strings.TrimPrefix(get.OperationID, "get-")
	op.Summary = "Status and headers as of GET; opens no release and charges nothing"
	op.Responses = map[string]*huma.Response{"200": {Description: "GET would answer"}, "default": {Description: "GET would refuse so"}}
	return &op
}
