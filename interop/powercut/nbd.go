package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// The numbers of the NBD protocol that are used here:
// https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
const (
	nbdMagic      = 0x4e42444d41474943 // "NBDMAGIC"
	optionMagic   = 0x49484156454f5054 // "IHAVEOPT"
	replyMagic    = 0x0003e889045565a9
	requestMagic  = 0x25609513
	responseMagic = 0x67446698

	fixedNewStyle = 1

	optAbort, optInfo, optGo = 2, 6, 7

	repAck, repInfo = 1, 3
	repUnsupported  = 1<<31 | 1
	infoExport      = 0
	hasFlags        = 1
	sendFlush       = 1 << 2
	sendFUA         = 1 << 3
	cmdRead         = 0
	cmdWrite        = 1
	cmdDisconnect   = 2
	cmdFlush        = 3
	flagFUA         = 1
)

// request is one of NBD's.
type request struct {
	Magic       uint32
	Flags, Type uint16
	Handle      uint64
	Offset      uint64
	Length      uint32
}

// serveNBD offers the disk to one client until it goes, or the power does. What
// waits for a flush is answered when that has ended, and what comes meanwhile
// before it.
func serveNBD(c net.Conn, d *disk) error {
	r, w := bufio.NewReaderSize(c, 1<<20), bufio.NewWriterSize(c, 1<<20)
	if err := negotiate(r, w, d.size); err != nil {
		c.Close()
		return fmt.Errorf("NBD handshake: %w", err)
	}
	n := &nbd{disk: d, client: c, w: w}
	err := n.requests(r)
	c.Close() // ends what waits for the client
	n.slow.Wait()
	return errors.Join(n.failed, err)
}

type nbd struct {
	disk   *disk
	client net.Conn
	slow   sync.WaitGroup // requests that wait for the disk

	mu     sync.Mutex
	w      *bufio.Writer // guarded by mu
	failed error         // guarded by mu: of a request that waited
}

func (n *nbd) requests(r *bufio.Reader) error {
	for {
		var q request
		if err := binary.Read(r, binary.BigEndian, &q); err != nil {
			return err
		}
		if q.Magic != requestMagic || q.Type == cmdDisconnect {
			return nil
		}
		switch q.Type {
		case cmdRead:
			answer := make([]byte, q.Length)
			if err := n.disk.read(answer, int64(q.Offset)); err != nil {
				return err // the machine gets no answer
			}
			if err := n.answer(q, answer); err != nil {
				return err
			}
		case cmdWrite:
			b := make([]byte, q.Length)
			if _, err := io.ReadFull(r, b); err != nil {
				return err
			}
			write, err := n.disk.write(b, int64(q.Offset))
			if err != nil {
				return err
			}
			if q.Flags&flagFUA != 0 {
				n.later(q, func() error { return n.disk.through(write, int64(q.Offset), len(b)) })
			} else if err := n.answer(q, nil); err != nil {
				return err
			}
		case cmdFlush:
			n.later(q, n.disk.flush)
		default:
			return fmt.Errorf("NBD command %d was not offered", q.Type)
		}
	}
}

// later answers when do has ended. After an error the machine gets no answer, and
// no other.
func (n *nbd) later(q request, do func() error) {
	n.slow.Go(func() {
		err := do()
		if err == nil {
			err = n.answer(q, nil)
		}
		if err != nil {
			n.mu.Lock()
			n.failed = errors.Join(n.failed, err)
			n.mu.Unlock()
			n.client.Close()
		}
	})
}

func (n *nbd) answer(q request, data []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	binary.Write(n.w, binary.BigEndian, struct {
		Magic, Error uint32
		Handle       uint64
	}{responseMagic, 0, q.Handle}) // w keeps its error for Flush
	n.w.Write(data)
	return n.w.Flush()
}

// negotiate is the fixed newstyle handshake.
func negotiate(r io.Reader, w *bufio.Writer, size int64) error {
	send := func(v any) { binary.Write(w, binary.BigEndian, v) } // w keeps its error for Flush
	send([]uint64{nbdMagic, optionMagic})
	send(uint16(fixedNewStyle))
	if err := w.Flush(); err != nil {
		return err
	}
	var flags uint32
	if err := binary.Read(r, binary.BigEndian, &flags); err != nil {
		return err
	}
	for {
		var o struct {
			Magic          uint64
			Option, Length uint32
		}
		if err := binary.Read(r, binary.BigEndian, &o); err != nil {
			return err
		}
		if o.Magic != optionMagic || o.Length > 4096 {
			return fmt.Errorf("option %+v", o)
		}
		if _, err := io.CopyN(io.Discard, r, int64(o.Length)); err != nil {
			return err
		}
		reply := func(kind uint32, data ...any) {
			n := 0
			for _, v := range data {
				n += binary.Size(v)
			}
			send(uint64(replyMagic))
			send([]uint32{o.Option, kind, uint32(n)})
			for _, v := range data {
				send(v)
			}
		}
		switch o.Option {
		case optGo, optInfo:
			reply(repInfo, uint16(infoExport), uint64(size), uint16(hasFlags|sendFlush|sendFUA))
			reply(repAck)
		case optAbort:
			reply(repAck)
			w.Flush()
			return io.EOF
		default:
			reply(repUnsupported)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if o.Option == optGo {
			return nil
		}
	}
}
