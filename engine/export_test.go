package engine

// SetChainBuffer makes Compile form chains over buffers of that many elements or more,
// until restore is called.
func SetChainBuffer(n int) (restore func()) {
	old := chainBuffer
	chainBuffer = n
	return func() { chainBuffer = old }
}

// SetWinogradChannels makes Compile choose Winograd's algorithm from that many channels on,
// until restore is called.
func SetWinogradChannels(n int) (restore func()) {
	old := winogradChannels
	winogradChannels = n
	return func() { winogradChannels = old }
}
