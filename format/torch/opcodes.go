package torch

import "fmt"

// The opcodes of pickle protocols 0 to 5, by the names of Python's pickle.py.
const (
	opMark           = '('
	opStop           = '.'
	opPop            = '0'
	opPopMark        = '1'
	opDup            = '2'
	opFloat          = 'F'
	opInt            = 'I'
	opBinInt         = 'J'
	opBinInt1        = 'K'
	opLong           = 'L'
	opBinInt2        = 'M'
	opNone           = 'N'
	opPersID         = 'P'
	opBinPersID      = 'Q'
	opReduce         = 'R'
	opString         = 'S'
	opBinString      = 'T'
	opShortBinString = 'U'
	opUnicode        = 'V'
	opBinUnicode     = 'X'
	opAppend         = 'a'
	opBuild          = 'b'
	opGlobal         = 'c'
	opDict           = 'd'
	opEmptyDict      = '}'
	opAppends        = 'e'
	opGet            = 'g'
	opBinGet         = 'h'
	opInst           = 'i'
	opLongBinGet     = 'j'
	opList           = 'l'
	opEmptyList      = ']'
	opObj            = 'o'
	opPut            = 'p'
	opBinPut         = 'q'
	opLongBinPut     = 'r'
	opSetItem        = 's'
	opTuple          = 't'
	opEmptyTuple     = ')'
	opSetItems       = 'u'
	opBinFloat       = 'G'

	opProto    = 0x80
	opNewObj   = 0x81
	opExt1     = 0x82
	opExt2     = 0x83
	opExt4     = 0x84
	opTuple1   = 0x85
	opTuple2   = 0x86
	opTuple3   = 0x87
	opNewTrue  = 0x88
	opNewFalse = 0x89
	opLong1    = 0x8a
	opLong4    = 0x8b

	opBinBytes      = 'B'
	opShortBinBytes = 'C'

	opShortBinUnicode = 0x8c
	opBinUnicode8     = 0x8d
	opBinBytes8       = 0x8e
	opEmptySet        = 0x8f
	opAddItems        = 0x90
	opFrozenSet       = 0x91
	opNewObjEx        = 0x92
	opStackGlobal     = 0x93
	opMemoize         = 0x94
	opFrame           = 0x95

	opByteArray8     = 0x96
	opNextBuffer     = 0x97
	opReadonlyBuffer = 0x98
)

// step runs one opcode.
func (m *machine) step(op byte) error {
	switch op {
	case opProto:
		b, err := m.take(1)
		if err == nil && b[0] > 5 {
			err = refuse(m.where(m.pos-1), "pickle protocol %d: want at most 5", b[0])
		}
		return err
	case opFrame:
		_, err := m.take(8)
		return err
	case opMark:
		m.marks = append(m.marks, len(m.stack))
		return nil
	case opPop:
		if n := len(m.marks); n > 0 && m.marks[n-1] == len(m.stack) {
			m.marks = m.marks[:n-1]
			return nil
		}
		_, err := m.pop()
		return err
	case opPopMark:
		if len(m.marks) == 0 {
			return m.fail("looks for a mark that is not there")
		}
		m.stack = m.stack[:m.marks[len(m.marks)-1]]
		m.marks = m.marks[:len(m.marks)-1]
		return nil
	case opDup:
		v, err := m.top()
		if err == nil {
			m.push(v)
		}
		return err

	case opNone:
		m.push(nil)
		return nil
	case opNewTrue, opNewFalse:
		m.push(op == opNewTrue)
		return nil
	case opInt, opLong, opFloat:
		return m.text(op)
	case opBinInt:
		n, err := m.uint(4)
		if err != nil {
			return err
		}
		return m.pushInt(int64(int32(n)))
	case opBinInt1, opBinInt2:
		n, err := m.uint(int(op-opBinInt1)/2 + 1)
		if err != nil {
			return err
		}
		return m.pushInt(int64(n))
	case opLong1, opLong4:
		b, err := m.sized(width(op, opLong4, 4))
		if err != nil {
			return err
		}
		return m.pushLong(b)
	case opBinFloat:
		return m.float()

	case opString:
		return m.quoted()
	case opUnicode:
		b, err := m.line()
		if err != nil {
			return err
		}
		return m.pushString(b)
	case opBinString, opBinUnicode:
		return m.counted(4, m.pushString)
	case opShortBinString, opShortBinUnicode:
		return m.counted(1, m.pushString)
	case opBinUnicode8:
		return m.counted(8, m.pushString)
	case opBinBytes:
		return m.counted(4, m.pushBytes)
	case opShortBinBytes:
		return m.counted(1, m.pushBytes)
	case opBinBytes8, opByteArray8:
		return m.counted(8, m.pushBytes)

	case opPut, opGet:
		return m.memoText(op)
	case opBinPut, opLongBinPut:
		key, err := m.uint(width(op, opLongBinPut, 4))
		if err != nil {
			return err
		}
		return m.store(key)
	case opMemoize:
		return m.store(len(m.memo))
	case opBinGet, opLongBinGet:
		key, err := m.uint(width(op, opLongBinGet, 4))
		if err != nil {
			return err
		}
		return m.recall(key)

	case opEmptyTuple, opTuple, opTuple1, opTuple2, opTuple3:
		return m.makeTuple(op)
	case opEmptyList, opList, opEmptySet, opFrozenSet:
		return m.makeList(op)
	case opEmptyDict, opDict:
		return m.makeDict(op)
	case opAppend, opAppends, opAddItems:
		return m.appendItems(op)
	case opSetItem, opSetItems:
		return m.setItems(op)

	case opGlobal, opStackGlobal:
		return m.pushGlobal(op)
	case opReduce, opNewObj, opNewObjEx, opInst, opObj:
		return m.construct(op)
	case opBuild:
		return m.build()
	case opBinPersID:
		return m.persistentID()

	case opPersID, opExt1, opExt2, opExt4, opNextBuffer, opReadonlyBuffer:
		return refuse(m.where(m.pos-1), "opcode %q: torch.save never writes it", op)
	}
	return damaged(m.where(m.pos-1), "%#02x is no opcode", op)
}

// width is wide for the long form of an opcode, else 1.
func width(op, long byte, wide int) int {
	if op == long {
		return wide
	}
	return 1
}

func (m *machine) counted(width int, push func([]byte) error) error {
	b, err := m.sized(width)
	if err != nil {
		return err
	}
	return push(b)
}

func (m *machine) store(key int) error {
	v, err := m.top()
	if err != nil {
		return err
	}
	return m.remember(key, v)
}

func (m *machine) memoText(op byte) error {
	b, err := m.line()
	if err != nil {
		return err
	}
	var key int
	if _, err := fmt.Sscanf(string(b), "%d", &key); err != nil || key < 0 {
		return m.fail("memo %q is not a number", b)
	}
	if op == opPut {
		return m.store(key)
	}
	return m.recall(key)
}
