module memverdict/langs/go

go 1.24
