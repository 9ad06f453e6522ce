"""The front door: `streamlit run app.py`.

This file is read in two ways. Streamlit finds ``app`` in its text and imports it as a module, once, to serve it;
and it is the script that every session runs.
"""

import streamlit as st

if __name__ == "__main__":
    from dlviz import catalog
    from dlviz.engine.runtime.device import one_thread
    from dlviz.language import words
    from dlviz.ui.session import visitor
    from dlviz.ui.session.turns import turn
    from dlviz.ui.session.visitor import language, tr

    one_thread()
    with turn():
        st.set_page_config(page_title="dlviz", page_icon=visitor.ICON, layout="wide")
        visitor.chrome()
        pages = {
            "": [visitor.page("pages/home.py", title=tr("Home"), icon=":material/home:", default=True)],
        } | {
            tr(section): [
                visitor.page(
                    f"pages/{concept.stem}.py",
                    title=words(concept.stem, language()).name,
                    icon=concept.icon,
                    url_path=concept.stem,
                )
                for concept in concepts
            ]
            for section, concepts in catalog.SYLLABUS.items()
        }
        st.navigation(pages, position="top").run()
else:
    import gc

    from dlviz.engine.runtime import memory
    from dlviz.ui.server import guard, wire

    memory.few_arenas()
    wire.more_files()
    wire.bound()
    # A run makes ten thousand objects that die with it. To look for cycles after every 700 of them took a fifth
    # to a third of the server's time in a full class (docs/reliability.md).
    gc.set_threshold(50_000, 20, 20)
    app = st.App(__file__, middleware=guard.middleware(), on_script_error=guard.uncaught)
