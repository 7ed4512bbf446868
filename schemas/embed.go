package schemas

import "embed"

// SQL holds the migrations of both databases, one sequence (goose format).
//
//go:embed sql/*.sql
var SQL embed.FS
