package io.mmpo.data.template;

import com.google.common.collect.Iterables;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.interpret.JinjavaInterpreter.InterpreterScopeClosable;
import com.hubspot.jinjava.lib.tag.ForTag;
import com.hubspot.jinjava.lib.tag.IfTag;
import com.hubspot.jinjava.lib.tag.Tag;
import com.hubspot.jinjava.tree.Node;
import com.hubspot.jinjava.tree.TagNode;
import com.hubspot.jinjava.util.LengthLimitingStringBuilder;
import java.util.ArrayList;
import java.util.List;

/** Statements that jinjava has otherwise than Jinja2, or not at all. */
final class JinjaTags {
    private JinjaTags() {}

    /** {@code if} with Python's truth: text is true unless it is empty, the word "false" included. */
    static final class If extends IfTag {
        private static final long serialVersionUID = 1L;

        @Override
        public boolean isPositiveIfElseNode(TagNode node, JinjavaInterpreter interpreter) {
            return PythonValues.truth(interpreter.resolveELExpression(node.getHelpers(), node.getLineNumber()));
        }
    }

    /** {@code for ... in ... if ...}; what an iteration sets is gone in the next one. */
    static final class For extends ForTag {
        private static final long serialVersionUID = 1L;

        @Override
        @SuppressWarnings("try") // a scope is only left
        public String interpretUnchecked(TagNode node, JinjavaInterpreter interpreter) {
            JinjaCode.ForClause clause = JinjaCode.forClause(node.getHelpers());
            Object iterable = interpreter.resolveELExpression(clause.iterable(), node.getLineNumber());
            List<?> items = select(clause, PythonValues.list(iterable), node, interpreter);
            ItemLoop loop = new ItemLoop(items);
            LengthLimitingStringBuilder out = new LengthLimitingStringBuilder(PythonValues.MAX_TEXT);
            int bodyEnd = indexOfElse(node);
            while (loop.hasNext()) {
                RenderLimits.step();
                Object item = loop.next();
                try (InterpreterScopeClosable scope = interpreter.enterScope()) {
                    interpreter.getContext().put(LOOP, loop);
                    assign(clause.targets(), item, interpreter);
                    for (Node child : Iterables.limit(node.getChildren(), bodyEnd)) {
                        out.append(child.render(interpreter).toString());
                        if (loop.isContinued()) {
                            break;
                        }
                    }
                }
            }
            if (items.isEmpty()) {
                Iterables.skip(node.getChildren(), bodyEnd)
                        .forEach(child -> out.append(child.render(interpreter).toString()));
            }
            return out.toString();
        }

        /** Children from {@code else} on are rendered where there is nothing to loop over. */
        private static int indexOfElse(TagNode node) {
            int index = Iterables.indexOf(
                    node.getChildren(),
                    child -> child instanceof TagNode tag && tag.getName().equals("else"));
            return index < 0 ? node.getChildren().size() : index;
        }

        @SuppressWarnings("try")
        private static List<?> select(
                JinjaCode.ForClause clause, List<?> items, TagNode node, JinjavaInterpreter interpreter) {
            if (clause.condition() == null) {
                return items;
            }
            List<Object> selected = new ArrayList<>();
            for (Object item : items) {
                RenderLimits.step();
                try (InterpreterScopeClosable scope = interpreter.enterScope()) {
                    assign(clause.targets(), item, interpreter);
                    if (PythonValues.truth(interpreter.resolveELExpression(clause.condition(), node.getLineNumber()))) {
                        selected.add(item);
                    }
                }
            }
            return selected;
        }

        private static void assign(List<String> targets, Object item, JinjavaInterpreter interpreter) {
            if (targets.size() == 1) {
                interpreter.getContext().put(targets.getFirst(), item);
                return;
            }
            List<?> parts = PythonValues.list(item);
            if (parts.size() != targets.size()) {
                throw new TemplateException("'for' has " + targets.size() + " names for " + parts.size() + " values");
            }
            for (int i = 0; i < targets.size(); i++) {
                interpreter.getContext().put(targets.get(i), parts.get(i));
            }
        }
    }

    /** Marks what the assistant said, for masks that transformers can make of it; here its body is just text. */
    static final class Generation implements Tag {
        private static final long serialVersionUID = 1L;

        @Override
        public String getName() {
            return "generation";
        }

        @Override
        public String interpret(TagNode node, JinjavaInterpreter interpreter) {
            LengthLimitingStringBuilder out = new LengthLimitingStringBuilder(PythonValues.MAX_TEXT);
            for (Node child : node.getChildren()) {
                out.append(child.render(interpreter).toString());
            }
            return out.toString();
        }
    }
}
