package io.mmpo.data.template;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.exptest.ExpTest;
import com.hubspot.jinjava.lib.filter.Filter;
import java.beans.FeatureDescriptor;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.Map;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELResolver;
import jinjava.javax.el.PropertyNotWritableException;

/**
 * What a template can reach from a value: items of lists, mappings and text, attributes of {@code loop}, and the methods of
 * {@link PythonMethods}. It takes the place of jinjava's resolvers, which call Java methods by reflection.
 */
final class PythonResolver extends ELResolver {
    @Override
    public Object getValue(ELContext context, Object base, Object property) {
        context.setPropertyResolved(true);
        return PythonValues.item(base, property);
    }

    @Override
    public Object invoke(ELContext context, Object base, Object method, Class<?>[] types, Object[] arguments) {
        context.setPropertyResolved(true);
        if (base instanceof Filter filter && "filter".equals(method)) {
            return applyFilter(filter, arguments);
        }
        if (base instanceof ExpTest test && String.valueOf(method).startsWith("evaluate")) {
            Object[] rest = Arrays.copyOfRange(arguments, 2, arguments.length);
            boolean passed = test.evaluate(arguments[0], (JinjavaInterpreter) arguments[1], rest);
            return passed == "evaluate".equals(method);
        }
        return PythonMethods.call(base, String.valueOf(method), arguments);
    }

    /** arguments: the value, the interpreter, positional arguments, named arguments. */
    @SuppressWarnings("unchecked")
    private static Object applyFilter(Filter filter, Object[] arguments) {
        return filter.filter(
                arguments[0], (JinjavaInterpreter) arguments[1], (Object[]) arguments[2], (Map<String, Object>)
                        arguments[3]);
    }

    @Override
    public Class<?> getType(ELContext context, Object base, Object property) {
        return Object.class;
    }

    @Override
    public void setValue(ELContext context, Object base, Object property, Object value) {
        throw new PropertyNotWritableException("a template cannot change its values");
    }

    @Override
    public boolean isReadOnly(ELContext context, Object base, Object property) {
        return true;
    }

    @Override
    public Iterator<FeatureDescriptor> getFeatureDescriptors(ELContext context, Object base) {
        return Collections.emptyIterator();
    }

    @Override
    public Class<?> getCommonPropertyType(ELContext context, Object base) {
        return Object.class;
    }
}
