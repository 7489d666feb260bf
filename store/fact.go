package store

import (
	"encoding/binary"
	"time"

	"posthorn/message"
)

// Fact is what never changes of a message. What was not asked for is not set, or
// set by accident.
type Fact struct {
	UID      UID
	Size     int64 // octets
	Internal int64 // INTERNALDATE, Unix seconds
	Zone     int32 // of INTERNALDATE, seconds east of UTC
	Saved    int64 // SAVEDATE, Unix seconds
	Email    EmailID
	Thread   ThreadID
	Sent     int64 // the sent date (RFC 5256 §2.2), Unix seconds; Internal where there is none

	message.Digest
	Fields    []byte // message.AppendListFields of the header
	Threading []byte // for message.ParseThreading
	Known     bool   // Digest, Fields, Threading and Sent are set as asked for; false where content cannot be read
}

// InternalDate is INTERNALDATE in its zone.
func (f *Fact) InternalDate() time.Time {
	return time.Unix(f.Internal, 0).In(time.FixedZone("", int(f.Zone)))
}

// set takes in an entry of a pack.
func (f *Fact) set(part int, e []byte) bool {
	switch part {
	case partIndex:
		return f.parseIndex(e)
	case partEnvelope:
		f.Envelope = e
	case partStructure:
		f.BodyStructure = e
	case partBody:
		n, size := binary.Uvarint(e)
		if size <= 0 || n > uint64(len(e)-size) {
			return false
		}
		f.Body, f.Tree = e[size:size+int(n)], e[size+int(n):]
	case partHeader:
		if len(e) > 0 { // else it was too long
			f.Header = e
		}
	case partThreading:
		f.Threading = e
	case partFields:
		f.Fields = e
	case partPreview:
		f.Preview = e
	}
	return true
}

// indexSize is the length of an entry of partIndex.
const indexSize = 6*8 + 4

// appendIndex appends the entry of a message. h is its header.
func appendIndex(b []byte, m *Message, h message.Header) []byte {
	_, zone := m.Internal.Zone()
	for _, v := range []int64{m.Size, m.Internal.Unix(), m.Saved.Unix(), int64(m.Email), int64(m.Thread), message.Sent(h, m.Internal).Unix()} {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return binary.LittleEndian.AppendUint32(b, uint32(zone))
}

func (f *Fact) parseIndex(e []byte) bool {
	if len(e) != indexSize {
		return false
	}
	number := func(i int) int64 { return int64(binary.LittleEndian.Uint64(e[8*i:])) }
	f.Size, f.Internal, f.Saved, f.Email, f.Thread, f.Sent = number(0), number(1), number(2), EmailID(number(3)), ThreadID(number(4)), number(5)
	f.Zone = int32(binary.LittleEndian.Uint32(e[48:]))
	return true
}
