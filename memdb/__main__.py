from memdb.cli import main

raise SystemExit(main())
