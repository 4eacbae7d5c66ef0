module github.com/wispnet/wisp

go 1.26
