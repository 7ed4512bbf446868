package client

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/apache/arrow/go/v17/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"guichet/connectors/ipc"
	"guichet/schemas"
)

// Received is what came of one stream.
type Received struct {
	Rows, Bytes int64
}

// Flight reads a rank's stream over Arrow Flight and drops it, counting. address is
// grpc://host:port or grpc+tls://host:port; keys of query as in the API. Errors: a
// stream that was cut, with the rows that came; a refusal.
func Flight(ctx context.Context, address, lease string, id schemas.AgreementID, query url.Values) (Received, error) {
	scheme, host, ok := strings.Cut(address, "://")
	if !ok {
		return Received{}, schemas.BadField("flight", "address", "%q is not an address; write it like grpc://host:port", address)
	}
	creds := insecure.NewCredentials()
	if scheme == "grpc+tls" {
		creds = credentials.NewTLS(nil)
	}
	conn, err := grpc.NewClient(host, grpc.WithTransportCredentials(creds))
	if err != nil {
		return Received{}, fmt.Errorf("open Flight at %s: %w", address, err)
	}
	defer conn.Close()
	c := flight.NewClientFromConn(conn, nil)
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+lease)
	path := []string{string(id)}
	for key, values := range query {
		for _, v := range values {
			if v != "" {
				path = append(path, key+"="+v)
			}
		}
	}
	info, err := c.GetFlightInfo(ctx, &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: path})
	if err != nil {
		return Received{}, refused(err)
	}
	var got Received
	for _, e := range info.Endpoint {
		err := drain(ctx, c, e.Ticket, &got)
		if err != nil {
			return got, err
		}
	}
	if got.Rows != info.TotalRecords {
		return got, &schemas.Error{
			Kind:    schemas.Gone,
			Subject: "stream",
			Message: fmt.Sprintf("the stream was cut after %d of %d rows", got.Rows, info.TotalRecords),
		}
	}
	return got, nil
}

func drain(ctx context.Context, c flight.Client, ticket *flight.Ticket, got *Received) error {
	st, err := c.DoGet(ctx, ticket)
	if err != nil {
		return refused(err)
	}
	var sum uint32 // of the stream as IPC bytes
	for {
		d, err := st.Recv()
		if errors.Is(err, io.EOF) {
			sum := fmt.Sprintf("%08x", ipc.AddSum(sum, ipc.EndOfStream()))
			if want := st.Trailer().Get("guichet-crc32c"); len(want) == 1 && want[0] != sum {
				return otherBytes(sum, want[0])
			}
			return nil
		}
		if err != nil {
			return refused(err)
		}
		got.Bytes += int64(len(d.DataHeader) + len(d.DataBody))
		head := binary.LittleEndian.AppendUint32([]byte{0xff, 0xff, 0xff, 0xff}, uint32(len(d.DataHeader)))
		head = append(head, d.DataHeader...)
		sum = ipc.AddSum(ipc.AddSum(sum, head), d.DataBody)
		m, err := ipc.ParseMeta(head)
		if err != nil {
			return err
		}
		if m.Kind == ipc.KindRecord {
			got.Rows += m.Rows
		}
	}
}

func refused(err error) error {
	return &schemas.Error{Kind: schemas.Denied, Subject: "flight", Message: "Flight refused or cut the stream: " + err.Error(), Err: err}
}
