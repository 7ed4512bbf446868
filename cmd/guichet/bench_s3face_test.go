package main

import (
	"guichet/connectors/s3"
	"guichet/schemas"
)

// s3face reads the shards of an agreement at the S3 face as they are read at the store: whole
// and by ranges of 8 MiB, by the same client.
func (m *meter) s3face() {
	m.declare(true)
	agreement := m.set("large").plain
	for _, readers := range numbers() {
		for _, c := range []struct {
			name, beside string
			step         int64
			direct       load
		}{
			{"s3face.get", "the same GET at the store", 0, m.whole(readers)},
			{"s3face.get.ranges", "the same ranges at the store", 8 << 20, m.fromS3("s3.direct.ranges", readers, 8<<20)},
		} {
			l, err := m.as("trainer").Lease(m.Context(), "", agreement)
			m.must(err)
			face, err := s3.New("face", l.S3.Endpoint, l.S3.Region, s3.Credentials{AccessKey: l.S3.AccessKeyID, SecretKey: l.S3.SecretAccessKey})
			m.must(err)
			listed, err := face.List(m.Context(), string(agreement), "", 1000)
			m.must(err)
			var objects []schemas.Shard
			for _, o := range listed {
				objects = append(objects, schemas.Shard{Bucket: string(agreement), Key: o.Key, ETag: o.ETag, Size: o.Size})
			}
			m.add(m.objects(c.name, readers, c.step, face, objects).figure(c.name, c.beside, c.direct.rate()))
		}
	}
}
