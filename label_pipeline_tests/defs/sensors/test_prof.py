import cProfile, pstats, time
def test_prof(watch, dial):
    w = watch()
    w.job("anchor_watch")
    for n in range(3): w.night(n)
    for s in ("judge_model_changed","anchor_drifted"):
        t=time.process_time()
        for n in range(3): w.tick(s)
        print(s, (time.process_time()-t)/3)
    t=time.process_time()
    p=cProfile.Profile(); p.enable()
    for n in range(3,6): w.night(n)
    p.disable()
    print("night", (time.process_time()-t)/3)
    pstats.Stats(p).sort_stats("cumtime").print_stats("label_pipeline|dagster/_core/instance|delta|duckdb", 40)
