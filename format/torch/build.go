package torch

func (m *machine) makeTuple(op byte) error {
	var items []any
	var err error
	switch op {
	case opTuple:
		items, err = m.popMark()
	case opTuple1, opTuple2, opTuple3:
		items = make([]any, int(op-opTuple1)+1)
		for i := len(items) - 1; i >= 0 && err == nil; i-- {
			items[i], err = m.pop()
		}
		if err == nil {
			err = m.spend(48 + 16*len(items))
		}
	default:
		err = m.spend(24)
	}
	if err != nil {
		return err
	}
	m.push(&tuple{items})
	return nil
}

// makeList makes lists and, since only their items can matter, sets.
func (m *machine) makeList(op byte) error {
	var items []any
	err := m.spend(24)
	if err == nil && (op == opList || op == opFrozenSet) {
		items, err = m.popMark()
	}
	if err != nil {
		return err
	}
	m.push(&list{items})
	return nil
}

func (m *machine) makeDict(op byte) error {
	d := &dict{}
	if err := m.spend(48); err != nil {
		return err
	}
	if op == opDict {
		items, err := m.popMark()
		if err != nil {
			return err
		}
		if err := m.setPairs(d, items); err != nil {
			return err
		}
	}
	m.push(d)
	return nil
}

func (m *machine) setPairs(target any, items []any) error {
	if len(items)%2 != 0 {
		return m.fail("a key without a value")
	}
	d, ok := target.(*dict)
	if !ok {
		if _, inert := target.(*object); inert {
			return nil
		}
		return m.fail("sets items of a value that is no dict")
	}
	if err := m.spend(32 * len(items)); err != nil {
		return err
	}
	for i := 0; i < len(items); i += 2 {
		d.keys = append(d.keys, items[i])
		d.vals = append(d.vals, items[i+1])
	}
	return nil
}

func (m *machine) setItems(op byte) error {
	var items []any
	var err error
	if op == opSetItems {
		items, err = m.popMark()
	} else {
		items = make([]any, 2)
		if items[1], err = m.pop(); err == nil {
			items[0], err = m.pop()
		}
	}
	if err != nil {
		return err
	}
	target, err := m.top()
	if err != nil {
		return err
	}
	return m.setPairs(target, items)
}

func (m *machine) appendItems(op byte) error {
	var items []any
	var err error
	if op == opAppend {
		items = make([]any, 1)
		items[0], err = m.pop()
	} else {
		items, err = m.popMark()
	}
	if err != nil {
		return err
	}
	target, err := m.top()
	if err != nil {
		return err
	}
	switch t := target.(type) {
	case *list:
		t.items = append(t.items, items...)
		return m.spend(32 * len(items))
	case *object:
		return nil
	}
	return m.fail("appends to a value that is no list")
}

// construct calls a class or function of the allow-list. The handler builds data; no
// code of the file's choosing runs.
func (m *machine) construct(op byte) error {
	var callee any
	var args []any
	var err error
	switch op {
	case opInst:
		if callee, err = m.namedGlobal(); err == nil {
			args, err = m.popMark()
		}
	case opObj:
		if args, err = m.popMark(); err == nil {
			if len(args) == 0 {
				return m.fail("makes an object of no class")
			}
			callee, args = args[0], args[1:]
		}
	default:
		if op == opNewObjEx {
			if _, err := m.pop(); err != nil { // keyword arguments
				return err
			}
		}
		var v any
		if v, err = m.pop(); err != nil {
			return err
		}
		t, ok := v.(*tuple)
		if !ok {
			return m.fail("calls with arguments that are no tuple")
		}
		args = t.items
		callee, err = m.pop()
	}
	if err != nil {
		return err
	}
	v, err := m.call(callee, args)
	if err != nil {
		return err
	}
	m.push(v)
	return nil
}

func (m *machine) call(callee any, args []any) (any, error) {
	g, ok := callee.(*global)
	if !ok || g.call == nil {
		if ok {
			return nil, m.fail("calls %s, which is no function", g.name)
		}
		return nil, m.fail("calls a value that is no function")
	}
	if err := m.spend(96); err != nil {
		return nil, err
	}
	return g.call(m, args)
}

// build gives an object its state: NumPy's types need theirs, modules are theirs.
func (m *machine) build() error {
	state, err := m.pop()
	if err != nil {
		return err
	}
	target, err := m.top()
	if err != nil {
		return err
	}
	switch t := target.(type) {
	case *npDtype:
		return m.setDtypeState(t, state)
	case *array:
		return m.setArrayState(t, state)
	case *object:
		t.setState(state)
		return nil
	case *dict, *tensorRef, *list, *unknownTensor, *tuple:
		return nil
	}
	return m.fail("gives state to a value that takes none")
}

// persistentID resolves ('storage', class, key, location, size[, view]).
func (m *machine) persistentID() error {
	v, err := m.pop()
	if err != nil {
		return err
	}
	t, ok := v.(*tuple)
	if ok && len(t.items) > 1 && t.items[0] == "module" { // of a module's class, with its source
		m.push(t.items[1])
		return nil
	}
	if !ok || len(t.items) < 5 {
		return m.fail("a persistent id that is no storage")
	}
	if kind, _ := t.items[0].(string); kind != "storage" {
		return m.fail("a persistent id of kind %s: want a storage", describe(t.items[0]))
	}
	class, ok := t.items[1].(*storageClass)
	key, ok2 := t.items[2].(string)
	size, ok3 := t.items[4].(int64)
	if !ok || !ok2 || !ok3 || size < 0 || size > maxElements {
		return m.fail("a storage without class, key or size")
	}
	s := m.storages[key]
	if s == nil {
		if err := m.spend(256); err != nil {
			return err
		}
		s = &storage{key: key, dtype: class.dtype, size: int(size)}
		if err := m.persistent(s); err != nil {
			return err
		}
		m.storages[key] = s
		m.order = append(m.order, s)
	} else if s.dtype != class.dtype || s.size != int(size) {
		return m.fail("storage %q is named with two types or sizes", key)
	}
	if len(t.items) > 5 && t.items[5] != nil {
		w, err := m.window(s, t.items[5])
		if err != nil {
			return err
		}
		s = w
	}
	m.push(s)
	return nil
}

// window makes the storage that is a part of another (view_key, offset, size), as the
// old format writes storages that were views.
func (m *machine) window(s *storage, meta any) (*storage, error) {
	t, ok := meta.(*tuple)
	if !ok || len(t.items) != 3 || s.dtype == nil {
		return nil, m.fail("a storage view without key, offset and size")
	}
	offset, ok := t.items[1].(int64)
	size, ok2 := t.items[2].(int64)
	if !ok || !ok2 || offset < 0 || size < 0 || offset > int64(s.size) || size > int64(s.size)-offset {
		return nil, m.fail("a storage view of %s elements at %s of %d", describe(t.items[2]), describe(t.items[1]), s.size)
	}
	if err := m.spend(256); err != nil {
		return nil, err
	}
	from, to := int(offset)*s.dtype.size, int(offset+size)*s.dtype.size
	return &storage{key: s.key, dtype: s.dtype, size: int(size), load: func() ([]byte, error) {
		b, err := s.load()
		if err != nil {
			return nil, err
		}
		if to > len(b) {
			return nil, damaged("storage "+s.key, "has %d bytes, a view wants %d", len(b), to)
		}
		return b[from:to], nil
	}}, nil
}
