package engine

// SetChainBuffer makes Compile form chains over buffers of that many elements or more,
// whatever they compute again, until restore is called.
func SetChainBuffer(n int) (restore func()) {
	buffer, macs := chainBuffer, chainMacs
	chainBuffer, chainMacs = n, 1<<60
	return func() { chainBuffer, chainMacs = buffer, macs }
}

// SetWinogradChannels makes Compile choose Winograd's algorithm from that many channels on,
// until restore is called.
func SetWinogradChannels(n int) (restore func()) {
	old := winogradChannels
	winogradChannels = n
	return func() { winogradChannels = old }
}
