package main
import (
 _ "github.com/alecthomas/kong"
 _ "github.com/apache/arrow/go/v17/arrow/ipc"
 _ "github.com/apache/arrow/go/v17/parquet/pqarrow"
 _ "github.com/coreos/go-oidc/v3/oidc"
 _ "github.com/go-jose/go-jose/v4"
 _ "github.com/goccy/go-yaml"
 _ "github.com/google/go-cmp/cmp"
 _ "github.com/minio/minio-go/v7"
 _ "github.com/versity/versitygw/embedgw"
 _ "github.com/versity/versitygw/backend/posix"
 _ "github.com/zitadel/oidc/v3/pkg/op"
 _ "golang.org/x/sync/errgroup"
 _ "golang.org/x/term"
)
func main(){}
